// A stub for the type check: signatures only, source: classes of androidx.exifinterface:exifinterface:1.4.2
package androidx.exifinterface.media;

import java.io.IOException;
import java.io.InputStream;

public class ExifInterface {
    public static final int ORIENTATION_NORMAL = 1;
    public static final String TAG_ORIENTATION = "Orientation";

    public ExifInterface(InputStream inputStream) throws IOException {
        throw new UnsupportedOperationException();
    }

    public int getAttributeInt(String tag, int defaultValue) {
        throw new UnsupportedOperationException();
    }
}
