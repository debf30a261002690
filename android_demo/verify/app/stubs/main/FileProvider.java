// A stub for the type check: signatures only, source: classes of androidx.core:core:1.19.1
package androidx.core.content;

import android.content.Context;
import android.net.Uri;
import java.io.File;

public class FileProvider {
    public static Uri getUriForFile(Context context, String authority, File file) {
        throw new UnsupportedOperationException();
    }
}
