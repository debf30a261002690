package edgewise.demo

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import edgewise.core.Engine
import edgewise.core.GoldenResult
import edgewise.core.LatencyRecord
import edgewise.core.LatencyRun
import edgewise.core.ModelBundle
import edgewise.core.Samples
import edgewise.core.Sampling
import edgewise.core.Variant
import edgewise.core.checkGolden
import edgewise.core.measureInTurn
import edgewise.core.record
import edgewise.core.softmax
import edgewise.core.top
import edgewise.core.unique

/** What to test: the [parts] of a bundle, or all that it has, see [Choice]. */
class Plan(
    val accelerator: Accelerator = Accelerator.CPU,
    val threads: Int = 1,
    val parts: Set<String> = emptySet(),
    val sampling: Sampling = Sampling(),
)

/** The result of the golden sample, from the first inference. */
class Checked(
    val variant: Variant,
    val golden: GoldenResult,
    val output: FloatArray,
    val firstMs: Double,
)

/** Hears about a self-test as it proceeds. */
interface Listener {
    /** A model has run the golden sample. */
    fun checked(result: Checked)

    /** A model has been measured. */
    fun recorded(record: LatencyRecord)

    /** Whether to go on, asked with the progress from 0 to 1. */
    fun goOn(progress: Double): Boolean
}

/** Tests a bundle's golden sample and latency on this phone, with the runtime that the camera uses. */
class SelfTest(
    private val context: Context,
    private val files: ModelFiles,
    private val bundle: ModelBundle,
) {
    /**
     * Check the golden sample of each model, then measure.
     *
     * On the CPU the models take turns, so that their latencies can be compared. On the GPU, which holds one model at
     * a time (see [Worker]), they follow each other. A stopped test makes no record.
     *
     * @throws EngineException the accelerator cannot run a model.
     */
    fun run(
        plan: Plan,
        listener: Listener,
    ) {
        bundle.verify(files)
        val variants = bundle.variants().filter { plan.parts.isEmpty() || it.part in plan.parts }
        val rounds = if (plan.accelerator == Accelerator.CPU) listOf(variants) else variants.map { listOf(it) }
        val run = unique()
        for ((place, round) in rounds.withIndex()) {
            val part = { progress: Double -> listener.goOn((place + progress) / rounds.size) }
            if (!round(round, Round(plan, run, listener, part))) return
        }
    }

    private class Round(
        val plan: Plan,
        val run: String,
        val listener: Listener,
        val goOn: (Double) -> Boolean,
    )

    /** Models that are open together; false if the listener stopped them. */
    private fun round(
        variants: List<Variant>,
        round: Round,
    ): Boolean {
        val trials = ArrayList<Trial>()
        try {
            variants.mapTo(trials) { Trial(it, round.plan) }
            trials.forEach { round.listener.checked(it.checked) }
            val before = conditionsOf(context)
            val samples = measureInTurn(trials.map { it::run }, round.plan.sampling, goOn = round.goOn)
            if (!samples.all { it.complete }) return false
            val after = conditionsOf(context)
            for ((trial, found) in trials.zip(samples)) {
                val run =
                    LatencyRun(
                        machine = machineOf(context),
                        engine = Engine("LiteRT", BuildConfig.LITERT_VERSION, round.plan.accelerator.name, null, null),
                        threads = if (round.plan.accelerator == Accelerator.CPU) round.plan.threads else 1,
                        loadMs = trial.loadMs,
                        samples = trial.fromTheFirst(found),
                        before = before,
                        after = after,
                        endToEndMs = List(WHOLE_RUNS) { trial.whole() },
                        id = round.run,
                    )
                val checked = trial.checked
                round.listener.recorded(bundle.record(checked.variant, checked.golden, checked.output, run))
            }
            return true
        } finally {
            trials.asReversed().forEach { it.close() }
        }
    }

    /** A model that is open, and its golden sample. */
    private inner class Trial(
        variant: Variant,
        plan: Plan,
    ) : AutoCloseable {
        private val classifier: Classifier
        val loadMs: Double
        val checked: Checked

        init {
            val start = System.nanoTime()
            classifier = Classifier.open(files, variant, plan.accelerator, plan.threads)
            loadMs = milliseconds(start, System.nanoTime())
            checked = closedOnFailure { check(variant, half = plan.accelerator != Accelerator.CPU) }
        }

        fun run() {
            classifier.run(bundle.golden.input)
        }

        /** The samples, with the first inference of all, which the golden sample was. */
        fun fromTheFirst(found: Samples) =
            Samples(checked.firstMs, found.warmUps + 1, found.samplesMs, found.complete)

        /** From the encoded picture to the best classes. */
        fun whole(): Double {
            val start = System.nanoTime()
            top(softmax(classifier.run(prepared())), bundle.labels, Recogniser.SHOWN)
            return milliseconds(start, System.nanoTime())
        }

        override fun close() = classifier.close()

        /** Decode the golden picture, prepare it, run the model and compare with the exporting machine. */
        private fun check(
            variant: Variant,
            half: Boolean,
        ): Checked {
            val prepared = prepared()
            val start = System.nanoTime()
            val output = classifier.run(prepared)
            val firstMs = milliseconds(start, System.nanoTime())
            return Checked(variant, checkGolden(bundle, variant, prepared, output, half), output, firstMs)
        }

        private fun prepared(): FloatArray {
            val pixels = bundle.preprocess.crop(decode { bundle.golden.imagePng.inputStream() }.picture)
            return FloatArray(pixels.size).also { bundle.preprocess.normalise(pixels, it) }
        }

        private fun closedOnFailure(work: () -> Checked): Checked {
            var made: Checked? = null
            try {
                return work().also { made = it }
            } finally {
                if (made == null) classifier.close()
            }
        }
    }

    private companion object {
        const val WHOLE_RUNS = 20
    }
}
