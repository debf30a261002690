// A stub for the type check: signatures only; from memory, not compared with its source
package androidx.core.view;

import android.view.View;

public class ViewCompat {
    protected ViewCompat() {}

    public static void setOnApplyWindowInsetsListener(View view, OnApplyWindowInsetsListener listener) {
        throw new UnsupportedOperationException();
    }
}
