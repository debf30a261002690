package edgewise.demo

import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit

/** One thread, for all that touches a runtime; a camera's frame that comes after [shutdown] is dropped silently. */
class Worker : Executor {
    private val thread =
        ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, LinkedBlockingQueue(), ThreadPoolExecutor.DiscardPolicy())

    override fun execute(command: Runnable) = thread.execute(command)

    /** Finish what waits, then end. */
    fun shutdown() = thread.shutdown()
}
