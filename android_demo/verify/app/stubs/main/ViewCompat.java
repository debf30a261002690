// A stub for the type check: signatures only, source: classes of androidx.core:core:1.19.1
package androidx.core.view;

import android.view.View;

public class ViewCompat {
    protected ViewCompat() {}

    public static void setOnApplyWindowInsetsListener(View view, OnApplyWindowInsetsListener listener) {
        throw new UnsupportedOperationException();
    }
}
