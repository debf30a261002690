// A stub for the type check: signatures only, source: classes of androidx.core:core:1.19.1
package androidx.core.view;

import androidx.core.graphics.Insets;

public class WindowInsetsCompat {
    public static final WindowInsetsCompat CONSUMED = null;

    private WindowInsetsCompat() {}

    public Insets getInsets(int typeMask) {
        throw new UnsupportedOperationException();
    }

    public static final class Type {
        private Type() {}

        public static int systemBars() {
            throw new UnsupportedOperationException();
        }

        public static int displayCutout() {
            throw new UnsupportedOperationException();
        }
    }
}
