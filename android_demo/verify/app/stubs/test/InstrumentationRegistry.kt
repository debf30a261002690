// A stub for the type check: signatures only; from memory, not compared with its source

package androidx.test.platform.app

import android.app.Instrumentation

class InstrumentationRegistry private constructor() {
    companion object {
        @JvmStatic
        fun getInstrumentation(): Instrumentation = TODO()
    }
}
