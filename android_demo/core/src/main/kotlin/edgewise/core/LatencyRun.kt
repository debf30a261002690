package edgewise.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import java.util.UUID

/** What the app knows of a measurement: on what, by what, when and how long. */
class LatencyRun(
    val machine: Machine,
    val engine: Engine,
    val threads: Int,
    val loadMs: Double,
    val samples: Samples,
    val before: Conditions?,
    val after: Conditions?,
    val endToEndMs: List<Double> = emptyList(),
)

/**
 * The record of a run, judged; [output] are the logits that [golden] was made of.
 *
 * As `edgewise bench`, it records no model that answers the golden sample wrongly, nor one with a single sample.
 */
fun ModelBundle.record(
    variant: Variant,
    golden: GoldenResult,
    output: FloatArray,
    run: LatencyRun,
): LatencyRecord {
    require(golden.passed) { "no latency is recorded of a model that computes something else: ${golden.reason}" }
    val times = run.samples.samplesMs
    require(times.size >= 2) { "${times.size} samples: need two at least" }
    val record =
        LatencyRecord(
            id = name(),
            run = name(),
            started = run.before?.at ?: now(),
            edgewise = manifest.versions["edgewise"] ?: "unknown",
            device = DEVICE,
            machine = run.machine,
            model = recorded(variant),
            engine = run.engine,
            golden = RecordedGolden(golden.maxLsb, golden.maxRel, sha256(output)),
            threads = run.threads,
            cpus = null,
            loadMs = run.loadMs,
            firstMs = run.samples.firstMs,
            warmUps = run.samples.warmUps,
            samplesMs = times,
            endToEndMs = run.endToEndMs,
            peakRssBytes = null,
            energyMj = null,
            before = run.before,
            after = run.after,
            others = null,
            interrupted = "it was stopped".takeUnless { run.samples.complete },
            summary = Percentiles.of(times),
            endToEnd = run.endToEndMs.takeIf { it.isNotEmpty() }?.let(Percentiles::of),
            drift = drift(times),
        )
    return record.copy(verdict = judge(record))
}

private fun ModelBundle.recorded(variant: Variant) =
    RecordedModel(manifest.name, manifest.target, variant.precision, variant.part, variant.sha256, variant.sizeBytes)

private fun sha256(values: FloatArray): String {
    val bytes = ByteBuffer.allocate(values.size * Float.SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN)
    bytes.asFloatBuffer().put(values)
    return hexadecimal(MessageDigest.getInstance("SHA-256").digest(bytes.array()))
}

private fun name(): String = UUID.randomUUID().toString().replace("-", "")

private const val DEVICE = "android" // in which others say 'local', 'adb'
