package edgewise.demo

import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit

/** A single thread for everything that uses a runtime; frames that arrive after [shutdown] are dropped silently. */
class Worker : Executor {
    private val thread =
        ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, LinkedBlockingQueue(), ThreadPoolExecutor.DiscardPolicy())

    override fun execute(command: Runnable) = thread.execute(command)

    /** Finish the queued work, then stop. */
    fun shutdown() = thread.shutdown()
}
