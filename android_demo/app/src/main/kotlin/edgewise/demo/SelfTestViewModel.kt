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

/** The state of the self-test screen; all models of the bundle are tested, whatever the [choice] says. */
data class TestScreen(
    val choice: Choice = Choice(),
    val bundle: ModelBundle? = null,
    val running: Boolean = false,
    val progress: Double = 0.0,
    val checked: List<Checked> = emptyList(),
    val records: List<LatencyRecord> = emptyList(),
    val failure: String? = null,
) {
    /** The first reason why a model has failed the golden sample. */
    val wrong: String? get() = checked.firstNotNullOfOrNull { it.golden.reason }

    /** How many times as fast as its float twin the model is. */
    val speedUp: Double?
        get() {
            val p50 = records.associate { it.model.part to it.summary.p50Ms }
            return (p50[Choice.REFERENCE] ?: return null) / (p50[Choice.MODEL] ?: return null)
        }
}

/** The view model of the self-test: it survives rotations and stops when the screen is closed. */
class SelfTestViewModel(
    application: Application,
) : AndroidViewModel(application) {
    private val ended = AtomicBoolean(false)
    private val mutable = MutableStateFlow(TestScreen())
    val screen: StateFlow<TestScreen> = mutable.asStateFlow()

    private val listener =
        object : Listener {
            override fun checked(result: Checked) = mutable.update { it.copy(checked = it.checked + result) }

            override fun recorded(record: LatencyRecord) = mutable.update { it.copy(records = it.records + record) }

            override fun goOn(progress: Double): Boolean {
                mutable.update { it.copy(progress = progress) }
                return !ended.get()
            }
        }

    /** Show the sizes of the bundle in the assets. */
    fun load() =
        Worker.execute {
            failing { mutable.update { it.copy(bundle = it.bundle ?: AssetFiles(application().assets).bundle()) } }
        }

    /** Choose how to test; results for the previous choice are cleared. */
    fun choose(choice: Choice) = mutable.update { if (it.choice == choice) it else TestScreen(choice, it.bundle) }

    /** Test the bundle in the assets. */
    fun run() {
        val choice = mutable.value.choice
        start(AssetFiles(application().assets), Plan(choice.accelerator, choice.threads)) {}
    }

    /** Test what a computer has ordered over adb, and leave the answer where it asked for it. */
    fun run(order: Order) {
        val plan = order.plan
        mutable.update { TestScreen(Choice(accelerator = plan.accelerator, threads = plan.threads)) }
        start(order.files(application()), plan) { order.answer(application(), mutable.value) }
    }

    override fun onCleared() = ended.set(true)

    private fun start(
        files: ModelFiles,
        plan: Plan,
        finish: () -> Unit,
    ) {
        mutable.update { TestScreen(it.choice, it.bundle, running = true) }
        Worker.execute {
            failing {
                Worker.take(NOTHING)
                val bundle = files.bundle()
                mutable.update { it.copy(bundle = bundle) }
                SelfTest(application(), files, bundle).run(plan, listener)
            }
            if (!ended.get()) failing(finish)
            mutable.update { it.copy(running = false) }
        }
    }

    private fun application(): Application = getApplication()

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

    private fun fail(error: Exception) =
        mutable.update { it.copy(failure = error.message ?: error.javaClass.simpleName) }

    private companion object {
        /** A test leaves no model open. */
        val NOTHING = Worker.Owner {}
    }
}
