package edgewise.demo

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import com.google.ai.edge.litert.Accelerator
import edgewise.core.BundleException
import edgewise.core.LatencyRecord
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
        val heard = tested(Plan(sampling = SHORT))
        assertEquals(bundle.variants().map { it.part }, heard.checked.map { it.variant.part })
        for (checked in heard.checked) {
            assertTrue("${checked.variant.part}: ${checked.golden.reason}", checked.golden.passed)
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
    fun recordsOfAShortRunSayThatItIsShortAndBelongTogether() {
        val records = tested(Plan(threads = 2, sampling = SHORT)).records
        assertEquals(bundle.variants().size, records.size)
        assertEquals(1, records.map { it.run }.toSet().size)
        for (record in records) {
            assertEquals(2, record.threads)
            assertTrue(record.verdict.reasons.any { it.startsWith("too few samples") })
        }
    }

    @Test
    fun aTestThatIsStoppedMakesNoRecord() {
        val heard = Heard(goesOn = false)
        SelfTest(context, files, bundle).run(Plan(sampling = SHORT), heard)
        assertTrue(heard.records.isEmpty())
    }

    private class Heard(
        private val goesOn: Boolean = true,
    ) : Listener {
        val checked = ArrayList<Checked>()
        val records = ArrayList<LatencyRecord>()

        override fun checked(result: Checked) {
            checked += result
        }

        override fun recorded(record: LatencyRecord) {
            records += record
        }

        override fun goOn(progress: Double) = goesOn
    }

    private fun tested(plan: Plan) = Heard().also { SelfTest(context, files, bundle).run(plan, it) }

    private fun choices(accelerator: Accelerator) = bundle.variants().map { Choice(it.part, accelerator) }

    /** A missing accelerator, or one that does not support the model, is not a failure of the model. */
    private fun output(choice: Choice): FloatArray {
        try {
            val opened = Classifier.open(files, choice.of(bundle), choice.accelerator, choice.threads)
            return opened.use { it.run(bundle.golden.input) }
        } catch (error: EngineException) {
            assumeNoException(error)
            throw error
        }
    }

    private fun best(logits: FloatArray): Int = logits.indices.maxBy { logits[it] }

    private companion object {
        const val MOST = 24 / 255f
        val SHORT = Sampling(1, 0.0, 2, 0.0)
    }
}
