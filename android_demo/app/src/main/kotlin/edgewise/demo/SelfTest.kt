package edgewise.demo

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import edgewise.core.Conditions
import edgewise.core.Engine
import edgewise.core.GoldenResult
import edgewise.core.LatencyRecord
import edgewise.core.LatencyRun
import edgewise.core.ModelBundle
import edgewise.core.Samples
import edgewise.core.Sampling
import edgewise.core.Variant
import edgewise.core.checkGolden
import edgewise.core.measure
import edgewise.core.record
import edgewise.core.softmax
import edgewise.core.top

/** The result of the golden sample, from the first inference. */
class Checked(
    val variant: Variant,
    val golden: GoldenResult,
    val output: FloatArray,
    val firstMs: Double,
)

/** Tests the bundle's golden sample and latency on this phone, with the runtime that the camera uses. */
class SelfTest(
    private val context: Context,
    private val bundle: ModelBundle,
    private val choice: Choice,
) : AutoCloseable {
    private val files = AssetFiles(context.assets)
    private val variant = choice.of(bundle)
    private val classifier: Classifier
    private val loadMs: Double

    init {
        bundle.verify(files)
        val start = System.nanoTime()
        classifier = Classifier.open(files, variant, choice.accelerator)
        loadMs = milliseconds(start, System.nanoTime())
    }

    /** Decode the golden picture, prepare it, run the model and compare with the exporting machine. */
    fun check(): Checked {
        val prepared = prepared()
        val start = System.nanoTime()
        val output = classifier.run(prepared)
        val firstMs = milliseconds(start, System.nanoTime())
        return Checked(variant, checkGolden(bundle, variant, prepared, output), output, firstMs)
    }

    /** Measure until there are enough samples; [goOn] receives the progress. Null if it stopped the run. */
    fun measure(
        checked: Checked,
        sampling: Sampling = Sampling(),
        goOn: (progress: Double) -> Boolean,
    ): LatencyRecord? {
        val before = conditionsOf(context)
        val times = measure(sampling, goOn = goOn) { classifier.run(bundle.golden.input) }
        if (!times.complete) return null
        val after = conditionsOf(context)
        val samples = Samples(checked.firstMs, times.warmUps + 1, times.samplesMs, times.complete)
        return bundle.record(variant, checked.golden, checked.output, run(samples, before, after))
    }

    override fun close() = classifier.close()

    private fun run(
        samples: Samples,
        before: Conditions,
        after: Conditions,
    ) = LatencyRun(
        machine = machineOf(context),
        engine = Engine("LiteRT", BuildConfig.LITERT_VERSION, choice.accelerator.name, null, null),
        threads = if (choice.accelerator == Accelerator.CPU) Classifier.threads else 1,
        loadMs = loadMs,
        samples = samples,
        before = before,
        after = after,
        endToEndMs = List(WHOLE_RUNS) { whole() },
    )

    /** From the encoded picture to the best classes. */
    private fun whole(): Double {
        val start = System.nanoTime()
        top(softmax(classifier.run(prepared())), bundle.labels, Recogniser.SHOWN)
        return milliseconds(start, System.nanoTime())
    }

    private fun prepared(): FloatArray {
        val pixels = bundle.preprocess.crop(decode { bundle.golden.imagePng.inputStream() }.picture)
        return FloatArray(pixels.size).also { bundle.preprocess.normalise(pixels, it) }
    }

    private companion object {
        const val WHOLE_RUNS = 20
    }
}
