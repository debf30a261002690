// A stub for the type check: signatures only, source: classes of androidx.test:monitor:1.8.0

package androidx.test.platform.app

import android.app.Instrumentation

class InstrumentationRegistry private constructor() {
    companion object {
        @JvmStatic
        fun getInstrumentation(): Instrumentation = TODO()
    }
}
