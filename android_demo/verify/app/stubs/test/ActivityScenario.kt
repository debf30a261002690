// A stub for the type check: signatures only, source: classes of androidx.test:core:1.7.0

package androidx.test.core.app

import android.app.Activity
import java.io.Closeable

class ActivityScenario<A : Activity> private constructor() : Closeable {
    fun interface ActivityAction<A : Activity> {
        fun perform(activity: A)
    }

    fun onActivity(action: ActivityAction<A>): ActivityScenario<A> = TODO()

    fun recreate(): ActivityScenario<A> = TODO()

    override fun close(): Unit = TODO()

    companion object {
        @JvmStatic
        fun <A : Activity> launch(activityClass: Class<A>): ActivityScenario<A> = TODO()
    }
}
