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
import edgewise.core.LatencyRecord
import kotlinx.coroutines.launch
import kotlin.math.roundToInt

/** Checks that this phone reproduces the exporting machine's outputs, and measures its latency. */
class SelfTestActivity : ComponentActivity(R.layout.activity_self_test) {
    private val model: SelfTestViewModel by viewModels()
    private lateinit var choices: ChoiceButtons

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        drawEdgeToEdge(findViewById(R.id.content))
        if (savedInstanceState == null) model.choose(Choice.from(intent))
        choices = ChoiceButtons(this, model::choose)
        findViewById<Button>(R.id.run).setOnClickListener { model.run() }
        findViewById<Button>(R.id.share).setOnClickListener { model.screen.value.record?.let { share(this, it) } }
        lifecycleScope.launch {
            repeatOnLifecycle(Lifecycle.State.STARTED) { model.screen.collect(::show) }
        }
    }

    private fun show(screen: TestScreen) {
        choices.show(screen.choice, screen.bundle, locked = screen.running)
        findViewById<Button>(R.id.run).isEnabled = !screen.running
        val bar: ProgressBar = findViewById(R.id.progress)
        bar.visibility = if (screen.running) View.VISIBLE else View.INVISIBLE
        bar.progress = (100 * screen.progress).roundToInt()
        awake(screen.running)
        verdict(screen)
        findViewById<TextView>(R.id.golden).text = screen.checked?.let { golden(screen, it) }
        findViewById<TextView>(R.id.record).text = screen.record?.let(::latency)
        findViewById<Button>(R.id.share).visibility = if (screen.record == null) View.GONE else View.VISIBLE
    }

    /** Keep the screen on: the processor slows down when it turns off. */
    private fun awake(running: Boolean) {
        val flag = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (running) window.addFlags(flag) else window.clearFlags(flag)
    }

    private fun verdict(screen: TestScreen) {
        val golden = screen.checked?.golden
        val (text, colour) =
            when {
                screen.failure != null -> getString(R.string.failed, screen.failure) to R.color.bad
                golden?.passed == false -> getString(R.string.not_passed, golden.reason.orEmpty()) to R.color.bad
                golden != null -> getString(R.string.passed) to R.color.good
                screen.running -> getString(R.string.testing) to R.color.muted
                else -> getString(R.string.untested) to R.color.muted
            }
        val view: TextView = findViewById(R.id.verdict)
        if (view.text.toString() != text) view.text = text // announced when it changes
        view.setTextColor(getColor(colour))
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
        return listOf(title, difference, getString(R.string.cosine, result.cosine)).joinToString("\n")
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
            getString(R.string.summary, times.p50Ms, times.p90Ms, times.count),
            getString(R.string.opening, record.loadMs, record.firstMs),
            getString(R.string.threads, record.threads, record.engine.delegate),
            trust,
        ).joinToString("\n")
    }
}
