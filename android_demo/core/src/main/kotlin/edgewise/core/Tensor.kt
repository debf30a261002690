package edgewise.core

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable

/** The input and output types of edgewise models; [lowest] and [highest] are the limits of integer types. */
@Serializable
enum class TensorType(
    internal val lowest: Float,
    internal val highest: Float,
) {
    @SerialName("float32")
    FLOAT32(-Float.MAX_VALUE, Float.MAX_VALUE),

    @SerialName("int8")
    INT8(-128f, 127f),

    @SerialName("uint8")
    UINT8(0f, 255f),
}

/** A model's input or output; an integer one has a [quantization]. */
class Tensor(
    val type: TensorType,
    val shape: List<Int>,
    val quantization: Quantization?,
)

/** The real value of a quantized one: (step - [zeroPoint]) * [scale]. */
class Quantization(
    val scale: Float,
    val zeroPoint: Int,
) {
    /** Quantize: real / scale + zero point, rounded half to even and clipped, in Python's float32 order. */
    fun quantize(
        values: FloatArray,
        type: TensorType,
        out: ByteArray,
    ) {
        check(type, values.size, out.size)
        for (place in values.indices) {
            val step = Math.rint((values[place] / scale).toDouble()).toFloat() + zeroPoint
            out[place] = step.coerceIn(type.lowest, type.highest).toInt().toByte()
        }
    }

    /** Dequantize to real values. */
    fun dequantize(
        values: ByteArray,
        type: TensorType,
        out: FloatArray,
    ) {
        check(type, values.size, out.size)
        val mask = if (type == TensorType.UINT8) 0xff else -1
        for (place in values.indices) out[place] = ((values[place].toInt() and mask) - zeroPoint) * scale
    }

    private fun check(
        type: TensorType,
        given: Int,
        taken: Int,
    ) {
        require(type != TensorType.FLOAT32) { "float32 is not quantized" }
        require(given == taken) { "$taken elements for $given values" }
    }
}
