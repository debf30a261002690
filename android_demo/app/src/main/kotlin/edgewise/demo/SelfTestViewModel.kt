package edgewise.demo

import android.app.Application
import androidx.lifecycle.AndroidViewModel
import edgewise.core.BundleException
import edgewise.core.Entry
import edgewise.core.History
import edgewise.core.LatencyRecord
import edgewise.core.ModelBundle
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import java.io.File
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
    val history: List<Entry> = emptyList(),
) {
    /** Without results. */
    fun fresh(choice: Choice = this.choice): TestScreen = TestScreen(choice, bundle, history = history)

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
    private val library = Library(application)
    private val history = History(File(application.filesDir, "records"))
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

    /** Show the sizes of the bundle, and what was recorded before. */
    fun load() =
        Worker.execute {
            list()
            failing { mutable.update { it.copy(bundle = it.bundle ?: library.files(it.choice.bundle).bundle()) } }
        }

    /** Delete a record of an earlier test. */
    fun remove(entry: Entry) =
        Worker.execute {
            history.remove(entry.name)
            list()
        }

    private fun list() = mutable.update { it.copy(history = history.entries()) }

    /** Choose how to test; results for the previous choice are cleared. */
    fun choose(choice: Choice) = mutable.update { if (it.choice == choice) it else it.fresh(choice) }

    /** Test the bundle that was chosen, and keep the records. */
    fun run() {
        val choice = mutable.value.choice
        val work = { bundle: ModelBundle ->
            test(library.files(choice.bundle), bundle, Plan(choice.accelerator, choice.threads))
        }
        start({ library.files(choice.bundle) }, work) {
            history.add(mutable.value.records)
            list()
        }
    }

    /** Do what a computer has ordered over adb, and leave the answer where it asked for it. */
    fun run(order: Order) {
        val plan = order.plan
        mutable.update { TestScreen(Choice(accelerator = plan.accelerator, threads = plan.threads)) }
        val files = order.files(application())
        val batch = order.pictures
        val work = { bundle: ModelBundle ->
            if (batch == null) test(files, bundle, plan) else order.answerPictures(application(), bundle, batch)
        }
        start({ files }, work) { order.answer(application(), mutable.value) }
    }

    private fun test(
        files: ModelFiles,
        bundle: ModelBundle,
        plan: Plan,
    ) = SelfTest(application(), files, bundle).run(plan, listener)

    override fun onCleared() = ended.set(true)

    private fun start(
        files: () -> ModelFiles,
        work: (ModelBundle) -> Unit,
        finish: () -> Unit,
    ) {
        mutable.update { it.fresh().copy(running = true) }
        Worker.execute {
            failing {
                Worker.take(NOTHING)
                val bundle = files().bundle()
                mutable.update { it.copy(bundle = bundle) }
                work(bundle)
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
