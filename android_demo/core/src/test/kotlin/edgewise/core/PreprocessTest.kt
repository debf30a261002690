package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.enum
import io.kotest.property.arbitrary.int
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.assertThrows
import java.awt.image.BufferedImage
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import javax.imageio.ImageIO

class PreprocessTest {
    @TestFactory
    fun `a crop is byte-identical to Python's`(): List<DynamicTest> =
        each { case ->
            val cut = case.preprocess.made().crop(case.picture.upright(case.orientation))
            assertArrayEquals(case.bytes("rgb"), cut)
        }

    @TestFactory
    fun `the network's input is bit-identical to Python's`(): List<DynamicTest> =
        each { case ->
            val npy = Npy.read(case.name, case.bytes("npy"))
            assertEquals(case.preprocess.run { listOf(1, size.first(), size.last(), mean.size) }, npy.shape)
            assertSameBits(npy.values, case.tensor())
        }

    @TestFactory
    fun `quantized and dequantized values match Python's`(): List<DynamicTest> =
        each { case ->
            val tensor = case.tensor()
            for ((type, steps) in case.quantization) {
                val kind = type.name.lowercase()
                val quantization = Quantization(steps.scale.toFloat(), steps.zeroPoint)
                val quantized = ByteArray(tensor.size).also { quantization.quantize(tensor, type, it) }
                assertArrayEquals(case.bytes(kind), quantized)
                val real = FloatArray(tensor.size).also { quantization.dequantize(quantized, type, it) }
                assertSameBits(case.floats("$kind.real"), real)
            }
        }

    @TestFactory
    fun `another decoder reads the same pixels from lossless files`(): List<DynamicTest> {
        val files = Vectors.cases.filter { it.file.endsWith(".png") }
        return files.map { case ->
            dynamicTest(case.name) {
                val decoded = decoded(File(Vectors.folder, case.file))
                val cut = case.preprocess.made().crop(decoded.upright(case.orientation))
                assertArrayEquals(case.bytes("rgb"), cut)
            }
        }
    }

    @Test
    fun `pictures of different sizes can alternate with a reused array`() {
        fun Case.cut() = preprocess.run { listOf(size, resize, mean.size, interpolation) }

        val first = Vectors.cases[0]
        val cases = Vectors.cases.filter { it.cut() == first.cut() }
        assertTrue(cases.size > 5)
        val prepare = first.preprocess.made()
        val out = prepare.crop(first.picture)
        for (case in cases + cases.reversed()) {
            assertSame(out, prepare.crop(case.picture.upright(case.orientation), out))
            assertArrayEquals(case.bytes("rgb"), out)
        }
    }

    @Test
    fun `a picture of one colour keeps it`() =
        runBlocking<Unit> {
            checkAll(Arb.int(1, 90), Arb.int(1, 90), Arb.int(1, 40), Arb.int(), Arb.enum<Interpolation>()) {
                width,
                height,
                size,
                colour,
                filter,
                ->
                val prepare = Preprocess(listOf(size), listOf(size + 3), FloatArray(3), FloatArray(3) { 1f }, filter)
                val cut = prepare.crop(Picture(width, height, IntArray(width * height) { colour }))
                val expected = ByteArray(cut.size) { (colour shr (16 - 8 * (it % 3))).toByte() }
                assertArrayEquals(expected, cut)
            }
        }

    @Test
    fun `invalid numbers are refused`() {
        fun made(
            size: Int = 32,
            resize: Int = 40,
            std: Float = 1f,
            channels: Int = 3,
        ): Preprocess {
            val deviations = FloatArray(3) { std }
            return Preprocess(listOf(size), listOf(resize), FloatArray(channels), deviations, Interpolation.BILINEAR)
        }

        assertTrue("image size 41" in assertThrows<IllegalArgumentException> { made(size = 41) }.message!!)
        assertTrue("image size 0" in assertThrows<IllegalArgumentException> { made(size = 0) }.message!!)
        assertTrue("resize 5000" in assertThrows<IllegalArgumentException> { made(resize = 5000) }.message!!)
        assertTrue("std above 0" in assertThrows<IllegalArgumentException> { made(std = 0f) }.message!!)
        assertTrue("three numbers" in assertThrows<IllegalArgumentException> { made(channels = 1) }.message!!)
        val strip = assertThrows<IllegalArgumentException> { sides(listOf(32, 96), listOf(40)) }
        assertTrue("image size 32x96 and resize 40 do not fit" in strip.message!!)
        assertThrows<IllegalArgumentException> { sides(listOf(1, 2, 3), listOf(9, 9)) }
        assertThrows<IllegalArgumentException> { sides(emptyList(), listOf(9)) }
        val picture = Picture(1, 1, IntArray(1))
        assertThrows<IllegalArgumentException> { made().crop(picture, ByteArray(5)) }
        assertThrows<IllegalArgumentException> { made().normalise(ByteArray(3), FloatArray(6)) }
    }

    @Test
    fun `the part of a picture that is taken keeps its proportions unless it is squashed`() {
        assertEquals(50.0 to 50.0, sides(listOf(20), listOf(40)).taken(200, 100))
        assertEquals(100.0 to 25.0, sides(listOf(10, 40), listOf(40)).taken(200, 100))
        assertEquals(200.0 to 50.0, sides(listOf(10, 40), listOf(20, 40)).taken(200, 100))
    }

    private fun sides(
        size: List<Int>,
        resize: List<Int>,
    ) = Preprocess(size, resize, FloatArray(1), FloatArray(1) { 1f }, Interpolation.BILINEAR)

    private fun each(check: (Case) -> Unit) = Vectors.cases.map { case -> dynamicTest(case.name) { check(case) } }

    private fun Case.tensor(): FloatArray {
        val cut = bytes("rgb")
        return FloatArray(cut.size).also { preprocess.made().normalise(cut, it) }
    }

    private fun Case.floats(kind: String): FloatArray {
        val values = ByteBuffer.wrap(bytes(kind)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(values.remaining()).also { values.get(it) }
    }

    private fun assertSameBits(
        expected: FloatArray,
        found: FloatArray,
    ) = assertArrayEquals(expected.bits(), found.bits())

    private fun FloatArray.bits() = IntArray(size) { this[it].toRawBits() }

    /** Java treats grey levels as linear light, unlike other decoders, so the stored levels are used. */
    private fun decoded(file: File): Picture {
        val image = ImageIO.read(file)
        val (width, height) = image.width to image.height
        if (image.type != BufferedImage.TYPE_BYTE_GRAY && image.raster.numBands != 2) {
            return Picture(width, height, image.getRGB(0, 0, width, height, null, 0, width))
        }
        val levels = image.raster.getSamples(0, 0, width, height, 0, null as IntArray?)
        return Picture(width, height, IntArray(levels.size) { levels[it] * 0x010101 })
    }
}

internal fun Manifest.Preparation.made() = Preprocess(size, resize, mean.floats(), std.floats(), interpolation)
