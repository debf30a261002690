package edgewise.demo

import edgewise.core.ModelBundle
import edgewise.core.Picture
import edgewise.core.Prediction
import edgewise.core.RollingLatency
import edgewise.core.softmax
import edgewise.core.top

/** The times of the last inferences, in milliseconds: for the model only, and from pixels to classes. */
data class Latency(
    val modelP50: Double,
    val modelP90: Double,
    val wholeP50: Double,
    val wholeP90: Double,
)

/** Turns pixels into the top classes, with preallocated arrays. Not thread-safe. */
class Recogniser(
    val bundle: ModelBundle,
    private val classifier: Classifier,
) : AutoCloseable {
    /** The model's last input, (height, width, channels) bytes. */
    val cut = ByteArray(bundle.preprocess.run { height * width * channels })
    private val prepared = FloatArray(cut.size)
    private val model = RollingLatency()
    private val whole = RollingLatency()

    /** The top classes for the result of [picture]; the time to create it is part of the total. */
    fun recognise(picture: () -> Picture): List<Prediction> {
        val start = System.nanoTime()
        bundle.preprocess.normalise(bundle.preprocess.crop(picture(), cut), prepared)
        val ready = System.nanoTime()
        val logits = classifier.run(prepared)
        val done = System.nanoTime()
        val best = top(softmax(logits), bundle.labels, SHOWN)
        model.add(milliseconds(ready, done))
        whole.add(milliseconds(start, System.nanoTime()))
        return best
    }

    /** Null before the first picture. */
    fun latency(): Latency? {
        val (modelP50, modelP90) = (model.p50 ?: return null) to (model.p90 ?: return null)
        return Latency(modelP50, modelP90, whole.p50 ?: return null, whole.p90 ?: return null)
    }

    override fun close() = classifier.close()

    companion object {
        const val SHOWN = 3
    }
}

/** The time between two clock readings. */
fun milliseconds(
    start: Long,
    end: Long,
): Double = (end - start) / 1e6
