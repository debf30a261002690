// A stub for the type check: signatures only; from memory, not compared with its source
package androidx.core.content;

import android.content.Context;
import java.util.concurrent.Executor;

public class ContextCompat {
    protected ContextCompat() {}

    public static Executor getMainExecutor(Context context) {
        throw new UnsupportedOperationException();
    }
}
