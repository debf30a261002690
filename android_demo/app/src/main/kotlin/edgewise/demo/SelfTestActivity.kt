package edgewise.demo

import android.os.Bundle
import android.view.View
import android.view.WindowManager
import android.widget.Button
import android.widget.ProgressBar
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.viewModels
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.lifecycleScope
import androidx.lifecycle.repeatOnLifecycle
import com.google.ai.edge.litert.Accelerator
import edgewise.core.Entry
import edgewise.core.LatencyRecord
import kotlinx.coroutines.launch
import kotlin.math.roundToInt

/** Checks that this phone reproduces the exporting machine's outputs, and measures its latency. */
class SelfTestActivity : ComponentActivity(R.layout.activity_self_test) {
    private val model: SelfTestViewModel by viewModels()
    private val run: Button by lazy { findViewById(R.id.run) }
    private val bar: ProgressBar by lazy { findViewById(R.id.progress) }
    private val verdict: TextView by lazy { findViewById(R.id.verdict) }
    private val golden: TextView by lazy { findViewById(R.id.golden) }
    private val record: TextView by lazy { findViewById(R.id.record) }
    private val share: Button by lazy { findViewById(R.id.share) }
    private val history: Button by lazy { findViewById(R.id.history) }
    private lateinit var choices: ChoiceButtons
    private var shown: TestScreen? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        drawEdgeToEdge(findViewById(R.id.content))
        if (savedInstanceState == null) begin()
        choices = ChoiceButtons(this, model::choose).apply { hideParts() }
        run.setOnClickListener { model.run() }
        share.setOnClickListener { share(model.screen.value.records) }
        history.setOnClickListener { showRecords(this, model.screen.value.history, actions) }
        lifecycleScope.launch {
            repeatOnLifecycle(Lifecycle.State.STARTED) { model.screen.collect(::show) }
        }
    }

    private fun begin() {
        val order = Order.from(intent)
        if (order != null) return model.run(order)
        model.choose(Choice.from(intent))
        model.load()
    }

    private val actions =
        object : RecordActions {
            override fun told(entry: Entry): String = entry.records.joinToString("\n\n", transform = ::latency)

            override fun share(entry: Entry) = share(entry.records)

            override fun remove(entry: Entry) = model.remove(entry)
        }

    private fun share(records: List<LatencyRecord>) {
        lifecycleScope.launch { share(this@SelfTestActivity, records) }
    }

    /** Only the progress changes between two inferences; the rest is set when it changes. */
    private fun show(screen: TestScreen) {
        bar.progress = (100 * screen.progress).roundToInt()
        val rest = screen.copy(progress = 0.0)
        if (rest == shown) return
        shown = rest
        choices.show(screen.choice, screen.bundle, locked = screen.running)
        run.isEnabled = !screen.running
        bar.visibility = if (screen.running) View.VISIBLE else View.INVISIBLE
        awake(screen.running)
        verdict(screen)
        golden.text = screen.checked.joinToString("\n\n") { golden(screen, it) }
        record.text = (screen.records.map(::latency) + listOfNotNull(speedUp(screen))).joinToString("\n\n")
        history.visibility = if (screen.history.isEmpty()) View.GONE else View.VISIBLE
        history.isEnabled = !screen.running
        share.visibility = if (screen.records.isEmpty()) View.GONE else View.VISIBLE
    }

    /** Keep the screen on: the processor slows down when it turns off. */
    private fun awake(running: Boolean) {
        val flag = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (running) window.addFlags(flag) else window.clearFlags(flag)
    }

    private fun verdict(screen: TestScreen) {
        val wrong = screen.wrong
        val (text, colour) =
            when {
                screen.failure != null -> getString(R.string.failed, screen.failure) to R.color.bad
                wrong != null -> getString(R.string.not_passed, wrong) to R.color.bad
                screen.checked.isNotEmpty() -> getString(R.string.passed) to R.color.good
                screen.running -> getString(R.string.testing) to R.color.muted
                else -> getString(R.string.untested) to R.color.muted
            }
        if (verdict.text.toString() != text) verdict.text = text // announced when it changes
        verdict.setTextColor(getColor(colour))
    }

    private fun golden(
        screen: TestScreen,
        checked: Checked,
    ): String {
        val result = checked.golden
        val difference =
            result.maxLsb?.let { getString(R.string.steps, it) } ?: getString(R.string.relative, result.maxRel)
        val name = screen.bundle?.manifest?.name.orEmpty()
        val title = getString(R.string.tested, name, checked.variant.precision.uppercase())
        val allowed = result.tolerance?.let { getString(R.string.allowed, it) }
        return listOfNotNull(title, difference, allowed, getString(R.string.cosine, result.cosine)).joinToString("\n")
    }

    private fun latency(record: LatencyRecord): String {
        val times = record.summary
        val trust =
            if (record.verdict.trusted) {
                getString(R.string.trusted)
            } else {
                getString(R.string.not_trusted, record.verdict.doubts().joinToString("; "))
            }
        return listOf(
            getString(R.string.tested, record.model.name, record.model.precision.uppercase()),
            getString(R.string.summary, times.p50Ms, times.p90Ms, times.count),
            getString(R.string.opening, record.loadMs, record.firstMs),
            getString(R.string.threads, record.threads, record.engine.delegate),
            trust,
        ).joinToString("\n")
    }

    private fun speedUp(screen: TestScreen): String? {
        val order = if (screen.choice.accelerator == Accelerator.CPU) R.string.in_turn else R.string.one_by_one
        return screen.speedUp?.let { getString(R.string.speed_up, it, getString(order)) }
    }
}
