package edgewise.demo

import android.app.Application
import androidx.lifecycle.AndroidViewModel
import edgewise.core.BundleException
import edgewise.core.LatencyRecord
import edgewise.core.ModelBundle
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import java.io.IOException
import java.util.concurrent.atomic.AtomicBoolean

/** The state of the self-test screen. */
data class TestScreen(
    val choice: Choice = Choice(),
    val bundle: ModelBundle? = null,
    val running: Boolean = false,
    val progress: Double = 0.0,
    val checked: Checked? = null,
    val record: LatencyRecord? = null,
    val failure: String? = null,
)

/** The view model of the self-test: it survives rotations and stops when the screen is closed. */
class SelfTestViewModel(
    application: Application,
) : AndroidViewModel(application) {
    private val worker = Worker()
    private val ended = AtomicBoolean(false)
    private val mutable = MutableStateFlow(TestScreen())
    val screen: StateFlow<TestScreen> = mutable.asStateFlow()

    init {
        worker.execute { failing { bundle() } }
    }

    /** Choose what to test; results for the previous choice are cleared. */
    fun choose(choice: Choice) = mutable.update { if (it.choice == choice) it else TestScreen(choice, it.bundle) }

    /** Check the golden sample, then measure. */
    fun run() {
        mutable.update { TestScreen(it.choice, it.bundle, running = true) }
        val choice = mutable.value.choice
        worker.execute {
            failing { SelfTest(getApplication(), bundle(), choice).use(::run) }
            mutable.update { it.copy(running = false) }
        }
    }

    override fun onCleared() {
        ended.set(true)
        worker.shutdown()
    }

    /** Latency is only measured if the golden sample passes. */
    private fun run(test: SelfTest) {
        val checked = test.check()
        mutable.update { it.copy(checked = checked) }
        if (!checked.golden.passed) return
        val record =
            test.measure(checked) { progress ->
                mutable.update { it.copy(progress = progress) }
                !ended.get()
            }
        mutable.update { it.copy(record = record) }
    }

    private fun bundle(): ModelBundle =
        mutable.value.bundle ?: AssetFiles(getApplication<Application>().assets).bundle().also { read ->
            mutable.update { it.copy(bundle = read) }
        }

    private fun failing(work: () -> Unit) =
        try {
            work()
        } catch (error: BundleException) {
            fail(error)
        } catch (error: EngineException) {
            fail(error)
        } catch (error: IOException) {
            fail(error)
        }

    private fun fail(error: Exception) = mutable.update { it.copy(failure = error.message.orEmpty()) }
}
