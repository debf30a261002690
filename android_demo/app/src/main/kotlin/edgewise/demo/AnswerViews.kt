package edgewise.demo

import android.app.Activity
import android.view.View
import android.widget.ProgressBar
import android.widget.TextView
import edgewise.core.Prediction
import kotlin.math.roundToInt

/** Shows the top classes, the times and notices, see `res/layout/panel.xml`. */
class AnswerViews(
    private val activity: Activity,
) {
    private val status: TextView = activity.findViewById(R.id.status)
    private val latency: TextView = activity.findViewById(R.id.latency)
    private val results: View = activity.findViewById(R.id.results)
    private val rows = listOf(R.id.result_1, R.id.result_2, R.id.result_3).map { Row(activity.findViewById(it)) }

    fun show(screen: Screen) {
        say(status(screen), screen.state is State.Failed)
        rows.forEachIndexed { place, row -> row.show(screen.best.getOrNull(place)) }
        // One sentence for a screen reader, which reads it when the view has focus, not at every frame.
        results.contentDescription = screen.best.joinToString { spoken(it) }
        latency.text = screen.latency?.let { times(it) }
    }

    private fun status(screen: Screen): String =
        when (val state = screen.state) {
            State.Loading -> activity.getString(R.string.loading)
            is State.Failed -> activity.getString(R.string.failed, state.message)
            State.Ready -> notice(screen)
        }

    private fun notice(screen: Screen): String =
        when (val notice = screen.notice) {
            is Notice.NoGpu -> activity.getString(R.string.no_gpu, notice.reason)
            is Notice.NoPicture -> activity.getString(R.string.no_picture, notice.reason)
            is Notice.NoBundle -> activity.getString(R.string.no_bundle, notice.reason)
            is Notice.NoCamera -> activity.getString(R.string.no_camera, notice.reason)
            is Notice.Sampled -> activity.getString(R.string.sampled, notice.factor)
            null -> ready(screen)
        }

    /** The result for a picture is announced once; the camera's changes too often. */
    private fun ready(screen: Screen): String {
        val first = screen.best.firstOrNull()
        if (screen.still != null && first != null) return activity.getString(R.string.seen, spoken(first))
        val bundle = screen.bundle ?: return ""
        val (name, classes) = bundle.manifest.name to bundle.labels.size
        return bundle.preprocess.run { activity.getString(R.string.ready, name, classes, height, width) }
    }

    /** Set the status only when it changes, so that it is announced once. */
    private fun say(
        text: String,
        bad: Boolean,
    ) {
        if (status.text.toString() != text) status.text = text
        status.setTextColor(activity.getColor(if (bad) R.color.bad else R.color.muted))
    }

    /** The views of one class, which are filled at every frame and therefore looked up once. */
    private inner class Row(
        private val whole: View,
    ) {
        private val label: TextView = whole.findViewById(R.id.label)
        private val probability: TextView = whole.findViewById(R.id.probability)
        private val bar: ProgressBar = whole.findViewById(R.id.bar)

        fun show(prediction: Prediction?) {
            whole.visibility = if (prediction == null) View.INVISIBLE else View.VISIBLE
            if (prediction == null) return
            label.text = prediction.label
            probability.text = percent(prediction)
            bar.progress = (100 * prediction.probability).roundToInt()
        }
    }

    private fun spoken(prediction: Prediction): String =
        activity.getString(R.string.spoken, prediction.label, percent(prediction))

    private fun percent(prediction: Prediction): String =
        activity.getString(R.string.percent, 100 * prediction.probability)

    private fun times(latency: Latency): String =
        latency.run { activity.getString(R.string.latency, modelP50, modelP90, wholeP50, wholeP90) }
}
