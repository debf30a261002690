package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.element
import io.kotest.property.arbitrary.int
import io.kotest.property.arbitrary.numericFloat
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import kotlin.math.abs

class TensorTest {
    private val integers = Arb.element(TensorType.INT8, TensorType.UINT8)
    private val scales = Arb.numericFloat(1e-6f, 1e3f)

    @Test
    fun `quantized values survive a round trip`() =
        runBlocking<Unit> {
            checkAll(integers, scales, Arb.int(-128, 127)) { type, scale, place ->
                val quantization = Quantization(scale, if (type == TensorType.UINT8) place + 128 else place)
                val steps = ByteArray(256) { it.toByte() }
                assertArrayEquals(steps, quantization.quantized(type, quantization.real(type, steps)))
            }
        }

    @Test
    fun `a value within range changes by at most half a step`() =
        runBlocking<Unit> {
            checkAll(integers, scales, Arb.numericFloat(-100f, 100f)) { type, scale, steps ->
                val quantization = Quantization(scale, if (type == TensorType.UINT8) 128 else 0)
                val value = steps * scale
                val back = quantization.real(type, quantization.quantized(type, floatArrayOf(value)))[0]
                assertTrue(abs(back - value) <= scale * 0.5001f) { "$value became $back, a step is $scale" }
            }
        }

    @Test
    fun `values outside the range are clipped, and ties round to even`() {
        val values = floatArrayOf(-1e9f, 1e9f, 0.5f, 1.5f, -0.5f, 2.5f)
        val steps = Quantization(1f, 0).quantized(TensorType.INT8, values)
        assertEquals(listOf(-128, 127, 0, 2, 0, 2), steps.map { it.toInt() })
    }

    @Test
    fun `float32 and arrays of different lengths are refused`() {
        val steps = Quantization(1f, 0)
        assertThrows<IllegalArgumentException> { steps.quantize(FloatArray(1), TensorType.FLOAT32, ByteArray(1)) }
        assertThrows<IllegalArgumentException> { steps.dequantize(ByteArray(1), TensorType.INT8, FloatArray(2)) }
    }

    private fun Quantization.quantized(
        type: TensorType,
        values: FloatArray,
    ) = ByteArray(values.size).also { quantize(values, type, it) }

    private fun Quantization.real(
        type: TensorType,
        steps: ByteArray,
    ) = FloatArray(steps.size).also { dequantize(steps, type, it) }
}
