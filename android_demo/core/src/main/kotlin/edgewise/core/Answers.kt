package edgewise.core

import kotlin.math.exp

/** One of the top classes. */
class Prediction(
    val index: Int,
    val label: String,
    val probability: Float,
)

/** The logits of all classes: a single output z is that of the second of two, (0, z), which its sign decides. */
fun logits(output: FloatArray): FloatArray = if (output.size == 1) floatArrayOf(0f, output[0]) else output

/** Softmax, exp(x - max) / sum, computed in float64, so that no logit overflows. */
fun softmax(logits: FloatArray): FloatArray {
    val highest = logits.max()
    val powers = DoubleArray(logits.size) { exp(logits[it].toDouble() - highest) }
    val sum = powers.sum()
    return FloatArray(logits.size) { (powers[it] / sum).toFloat() }
}

/** The top [count] classes, or all if there are fewer; ties are in the order of the labels. */
fun top(
    probabilities: FloatArray,
    labels: List<String>,
    count: Int,
): List<Prediction> {
    require(probabilities.size == labels.size) { "${probabilities.size} probabilities for ${labels.size} labels" }
    val best = probabilities.indices.sortedByDescending { probabilities[it] } // a stable sort
    return best.take(count).map { Prediction(it, labels[it], probabilities[it]) }
}
