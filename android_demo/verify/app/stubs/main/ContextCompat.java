// A stub for the type check: signatures only, source: classes of androidx.core:core:1.19.1
package androidx.core.content;

import android.content.Context;
import java.util.concurrent.Executor;

public class ContextCompat {
    protected ContextCompat() {}

    public static Executor getMainExecutor(Context context) {
        throw new UnsupportedOperationException();
    }
}
