package edgewise.core

import kotlin.math.exp

/** One of the best classes. */
class Prediction(
    val index: Int,
    val label: String,
    val probability: Float,
)

/** Probabilities, exp(x - max) / sum, in float64 until the end: no logit overflows. */
fun softmax(logits: FloatArray): FloatArray {
    val highest = logits.max()
    val powers = DoubleArray(logits.size) { exp(logits[it].toDouble() - highest) }
    val sum = powers.sum()
    return FloatArray(logits.size) { (powers[it] / sum).toFloat() }
}

/** The [count] best classes, or all where there are fewer; equal ones in the order of the labels. */
fun top(
    probabilities: FloatArray,
    labels: List<String>,
    count: Int,
): List<Prediction> {
    require(probabilities.size == labels.size) { "${probabilities.size} probabilities for ${labels.size} labels" }
    val best = probabilities.indices.sortedByDescending { probabilities[it] } // which is stable
    return best.take(count).map { Prediction(it, labels[it], probabilities[it]) }
}
