package edgewise.core

import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.ByteArrayInputStream
import javax.imageio.ImageIO

class GoldenTest {
    private val tiny = ModelBundle.read(TinyBundle())

    @Test
    fun `preprocessing of the golden picture matches the exporting machine`() {
        val bundle = Vectors.bundle
        val image = ImageIO.read(ByteArrayInputStream(bundle.golden.imagePng))
        val pixels = image.getRGB(0, 0, image.width, image.height, null, 0, image.width)
        val prepared = FloatArray(bundle.golden.input.size)
        val cut = bundle.preprocess.crop(Picture(image.width, image.height, pixels))
        bundle.preprocess.normalise(cut, prepared)
        assertArrayEquals(bundle.golden.input, prepared)
    }

    @Test
    fun `outputs get the same verdict as in Python`() {
        val bundle = Vectors.bundle
        for (case in Vectors.golden) {
            val variant = bundle.variants().single { it.part == case.part }
            val found = checkGolden(bundle, variant, bundle.golden.input, case.output.floats())
            assertEquals(case.passed, found.passed) { "${case.part}: ${found.reason}" }
            assertEquals(case.passed, found.reason == null)
            assertEquals(case.cosine, found.cosine, 1e-12)
            if (case.passed) assertEquals(case.maxLsb to case.maxRel, found.maxLsb to found.maxRel)
        }
        assertEquals(setOf(true, false), Vectors.golden.map { it.passed }.toSet())
    }

    @Test
    fun `the reason names the problem`() {
        val input = tiny.golden.input
        assertReason("differs by 30 steps (allowed 24)", judged(input, floatArrayOf(1f, 2f)))
        assertReason("differs by 1.0e-01 relatively (allowed 1.0e-03)", judged(input, floatArrayOf(1.1f, -1f), 1))
        assertReason("preprocessing differs on this device by up to 0.50", judged(FloatArray(3), floatArrayOf(1f, -1f)))
        assertReason("preprocessing made 1 values instead of 3", judged(FloatArray(1), floatArrayOf(1f, -1f)))
        assertReason("gave 3 logits instead of 2", judged(input, FloatArray(3)))
        assertReason("NaN or infinity", judged(input, floatArrayOf(1f, Float.NaN)))
    }

    @Test
    fun `half precision is allowed more for the float twin, and says so`() {
        val (model, twin) = tiny.variants()
        val near = floatArrayOf(1.05f, -1f)
        val found = checkGolden(tiny, twin, tiny.golden.input, near, half = true)
        assertTrue(found.passed)
        assertEquals("half precision: 9.4e-02 of the largest output", found.tolerance)
        assertFalse(judged(tiny.golden.input, near, 1).passed)
        val far = checkGolden(tiny, twin, tiny.golden.input, floatArrayOf(1.1f, -1f), half = true)
        assertReason("allowed 9.4e-02", far)
        assertNull(checkGolden(tiny, model, tiny.golden.input, near, half = true).tolerance)
    }

    @Test
    fun `without a quantized output the relative difference is compared, with the same tolerance`() {
        val bundle = ModelBundle.read(TinyBundle { it["structure"] = withoutStep(it.getValue("structure")) })
        val found = checkGolden(bundle, bundle.variants()[0], bundle.golden.input, floatArrayOf(1.09f, -1f))
        assertTrue(found.passed)
        assertNull(found.maxLsb)
        val other = checkGolden(bundle, bundle.variants()[0], bundle.golden.input, floatArrayOf(1.1f, -1f))
        assertReason("differs by 1.0e-01 relatively (allowed 9.4e-02)", other)
    }

    @Test
    fun `logits that differ by a constant have cosine 1, constant logits have cosine 0`() {
        assertEquals(1.0, judged(tiny.golden.input, floatArrayOf(2f, 0f)).cosine)
        assertEquals(0.0, judged(tiny.golden.input, floatArrayOf(3f, 3f)).cosine)
    }

    private fun judged(
        prepared: FloatArray,
        output: FloatArray,
        variant: Int = 0,
    ) = checkGolden(tiny, tiny.variants()[variant], prepared, output)

    private fun assertReason(
        reason: String,
        found: GoldenResult,
    ) {
        assertFalse(found.passed)
        assertTrue(reason in found.reason.orEmpty()) { found.reason.orEmpty() }
    }

    private fun withoutStep(structure: JsonElement) = JsonObject((structure as JsonObject) - "output_step")
}
