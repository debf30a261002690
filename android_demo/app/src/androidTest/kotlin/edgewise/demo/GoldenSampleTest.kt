package edgewise.demo

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import com.google.ai.edge.litert.Accelerator
import edgewise.core.BundleException
import edgewise.core.ModelBundle
import edgewise.core.Sampling
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeNoException
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import kotlin.math.abs

/** Runs the golden sample on this device with the real runtime. */
@RunWith(AndroidJUnit4::class)
class GoldenSampleTest {
    private val context = InstrumentationRegistry.getInstrumentation().targetContext
    private val files = AssetFiles(context.assets)
    private lateinit var bundle: ModelBundle

    /** An app without a bundle is valid too, but has nothing to test. */
    @Before
    fun readBundle() {
        try {
            bundle = files.bundle()
        } catch (error: BundleException) {
            assumeNoException(error)
        }
    }

    @Test
    fun everyFileIsTheOneOfTheManifest() = bundle.verify(files)

    @Test
    fun theDecodedPictureIsPreparedToTheBit() {
        val pixels = bundle.preprocess.crop(decode { bundle.golden.imagePng.inputStream() }.picture)
        val prepared = FloatArray(pixels.size).also { bundle.preprocess.normalise(pixels, it) }
        assertArrayEquals(bundle.golden.input, prepared, 0f)
    }

    @Test
    fun theCpuComputesWhatTheExportingMachineComputed() {
        for (choice in choices(Accelerator.CPU)) {
            val checked = SelfTest(context, bundle, choice).use { it.check() }
            assertTrue("$choice: ${checked.golden.reason}", checked.golden.passed)
        }
    }

    /** GPUs compute in half precision: 24 of 255 steps, as between two CPUs, and the same class. */
    @Test
    fun theGpuComputesWhatTheCpuComputes() {
        for (choice in choices(Accelerator.GPU)) {
            val gpu = output(choice)
            val cpu = output(choice.copy(accelerator = Accelerator.CPU))
            val farthest = cpu.indices.maxOf { abs(cpu[it] - gpu[it]) } / cpu.maxOf { abs(it) }
            assertTrue("$choice: differs by $farthest", farthest <= MOST)
            assertEquals("$choice: the best class", best(cpu), best(gpu))
        }
    }

    @Test
    fun aRecordOfAShortRunSaysThatItIsShort() {
        val record =
            SelfTest(context, bundle, Choice()).use { test ->
                test.measure(test.check(), Sampling(1, 0.0, 2, 0.0)) { true }
            }
        assertEquals(2, checkNotNull(record).samplesMs.size)
        assertTrue(record.verdict.reasons.any { it.startsWith("too few samples") })
    }

    private fun choices(accelerator: Accelerator) = bundle.variants().map { Choice(it.part, accelerator) }

    /** A missing accelerator, or one that does not support the model, is not a failure of the model. */
    private fun output(choice: Choice): FloatArray {
        try {
            return Classifier.open(files, choice.of(bundle), choice.accelerator).use { it.run(bundle.golden.input) }
        } catch (error: EngineException) {
            assumeNoException(error)
            throw error
        }
    }

    private fun best(logits: FloatArray): Int = logits.indices.maxBy { logits[it] }

    private companion object {
        const val MOST = 24 / 255f
    }
}
