package edgewise.demo

import java.util.concurrent.Executor
import java.util.concurrent.Executors

/**
 * The app's only thread that uses the runtime, and the owner of the models that are open on it.
 *
 * Two models on a GPU at a time fail in LiteRT (issue 5264), and a camera's model would disturb a measurement. A screen
 * that opens models therefore takes this thread over, which closes those of the other screen.
 */
object Worker : Executor {
    private val thread = Executors.newSingleThreadExecutor()
    private var owner: Owner? = null // only used on the thread

    /** A screen with open models. */
    fun interface Owner {
        /** Close them; called on the thread. */
        fun close()
    }

    override fun execute(command: Runnable) = thread.execute(command)

    /** Called on the thread before [next] opens models. */
    fun take(next: Owner) {
        if (owner !== next) owner?.close()
        owner = next
    }
}
