package edgewise.core

import java.util.Locale
import kotlin.math.abs
import kotlin.math.max
import kotlin.math.sqrt

/** The golden sample: a picture, its preprocessed input, the original network's logits and the model's own. */
class Golden(
    val imagePng: ByteArray,
    val input: FloatArray,
    val logits: FloatArray,
    val output: FloatArray,
) {
    internal fun check(bundle: ModelBundle) {
        require("input", input, bundle.input.shape)
        val classes = listOf(1, bundle.labels.size) // also of a model with a single output
        require("logits", logits, classes)
        require("output", output, classes)
    }

    private fun require(
        name: String,
        values: FloatArray,
        shape: List<Int>,
    ) {
        val needed = shape.reduce(Int::times)
        if (values.size != needed) throw damaged("golden/$name.npy", "has ${values.size} values instead of $needed")
        if (!values.all(Float::isFinite)) throw damaged("golden/$name.npy", "contains NaN or infinity")
    }

    companion object {
        internal fun read(files: Files): Golden {
            fun bytes(name: String) = opened(files, name) { it.readBytes() }

            fun array(name: String) = Npy.read("golden/$name.npy", bytes("golden/$name.npy")).values
            return Golden(bytes("golden/image.png"), array("input"), array("logits"), array("output"))
        }
    }
}

/**
 * How this device's logits for the golden sample differ from the expected ones.
 *
 * [maxLsb] is in steps of a quantized model's output, null for a float model; [cosine] compares the centred logits
 * with the original network's; [reason] says why it has not [passed]. [tolerance] describes the limit if it is not that
 * of other devices.
 */
class GoldenResult(
    val maxLsb: Double?,
    val maxRel: Double,
    val cosine: Double,
    val passed: Boolean,
    val reason: String?,
    val tolerance: String? = null,
)

/**
 * Check this device's results for the golden picture: the [prepared] input and the model's [output].
 *
 * The rules are those of `runtime/golden.py`: a float twin must match the original network's logits, the model those
 * of the exporting machine, within a tolerance for instruction sets that round differently. An accelerator that computes
 * in [half] precision, as LiteRT's GPU does by default, is allowed as much for the float twin as for a quantized model.
 */
fun checkGolden(
    bundle: ModelBundle,
    variant: Variant,
    prepared: FloatArray,
    output: FloatArray,
    half: Boolean = false,
): GoldenResult {
    val golden = bundle.golden
    val twin = variant.part == "reference"
    unusable(golden, output)?.let { return GoldenResult(null, Double.POSITIVE_INFINITY, 0.0, false, it) }
    val expected = if (twin) golden.logits else golden.output
    val step =
        bundle.manifest.structure.outputStep
            .takeUnless { twin }
    val distance = distance(expected, output)
    val lsb = step?.let { distance / it }
    val relative = distance / max(largest(expected), SMALLEST_NORMAL)
    val single = variant.precision == "fp32"
    val allowed = if (single && !half) MAX_RELATIVE else MAX_LSB / 255
    val reason = unprepared(golden, prepared) ?: different(lsb, relative, allowed)
    val tolerance = "half precision: ${"%.1e".english(allowed)} of the largest output".takeIf { single && half }
    return GoldenResult(lsb, relative, cosine(golden.logits, output), reason == null, reason, tolerance)
}

private fun unusable(
    golden: Golden,
    output: FloatArray,
): String? =
    when {
        output.size != golden.output.size -> "the model gave ${output.size} logits instead of ${golden.output.size}"
        !output.all(Float::isFinite) -> "the model's logits hold NaN or infinity"
        else -> null
    }

private fun unprepared(
    golden: Golden,
    prepared: FloatArray,
): String? {
    if (prepared.size != golden.input.size) {
        return "preprocessing made ${prepared.size} values instead of ${golden.input.size}"
    }
    // Compare by value like NumPy: 0 and -0 are equal.
    if (prepared.indices.all { prepared[it] == golden.input[it] }) return null
    return "preprocessing differs on this device by up to ${"%.2g".english(distance(golden.input, prepared))}"
}

private fun different(
    lsb: Double?,
    relative: Double,
    allowed: Double,
): String? {
    val same = if (lsb != null) lsb <= MAX_LSB else relative <= allowed
    if (same) return null
    val found =
        if (lsb != null) {
            "${rounded(lsb, 0)} steps (allowed ${MAX_LSB.toInt()})"
        } else {
            "${"%.1e".english(relative)} relatively (allowed ${"%.1e".english(allowed)})"
        }
    return "the golden sample differs by $found on this device"
}

private fun distance(
    a: FloatArray,
    b: FloatArray,
): Double = a.indices.maxOf { abs(a[it].toDouble() - b[it]) }

private fun largest(values: FloatArray): Double = values.maxOf { abs(it.toDouble()) }

/** The cosine of two vectors minus their means, because a shift of all logits does not change the probabilities. */
private fun cosine(
    a: FloatArray,
    b: FloatArray,
): Double {
    val (left, right) = centred(a) to centred(b)
    val scale = sqrt(dot(left, left) * dot(right, right))
    if (scale == 0.0) return if (dot(left, left) == dot(right, right)) 1.0 else 0.0
    return (dot(left, right) / scale).coerceIn(-1.0, 1.0)
}

private fun centred(values: FloatArray): DoubleArray {
    // Subtract the first class before the mean: the mean of equal numbers is not always exactly that number.
    val shifted = DoubleArray(values.size) { values[it].toDouble() - values[0] }
    val mean = shifted.average()
    return DoubleArray(values.size) { shifted[it] - mean }
}

private fun dot(
    a: DoubleArray,
    b: DoubleArray,
): Double = a.indices.sumOf { a[it] * b[it] }

private fun String.english(value: Double): String = format(Locale.ROOT, value)

private const val MAX_LSB = 24.0
private const val MAX_RELATIVE = 1e-3
private const val SMALLEST_NORMAL = 1.1754943508222875e-38 // of float32; the smallest divisor, as in Python
