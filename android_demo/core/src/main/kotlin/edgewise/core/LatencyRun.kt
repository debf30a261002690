package edgewise.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import java.util.UUID

/** The conditions and samples of a measurement; records of models that were measured in turn have the same [id]. */
class LatencyRun(
    val machine: Machine,
    val engine: Engine,
    val threads: Int,
    val loadMs: Double,
    val samples: Samples,
    val before: Conditions?,
    val after: Conditions?,
    val endToEndMs: List<Double> = emptyList(),
    val id: String = unique(),
)

/**
 * The record of a run with its verdict; [output] are the logits that [golden] was computed from.
 *
 * The latency of a model that fails the golden sample is recorded, but never trusted; a run needs two samples.
 */
fun ModelBundle.record(
    variant: Variant,
    golden: GoldenResult,
    output: FloatArray,
    run: LatencyRun,
): LatencyRecord {
    val times = run.samples.samplesMs
    require(times.size >= 2) { "${times.size} samples: need at least two" }
    val record =
        LatencyRecord(
            id = unique(),
            run = run.id,
            started = run.before?.at ?: now(),
            edgewise = manifest.versions["edgewise"] ?: "unknown",
            device = DEVICE,
            machine = run.machine,
            model = recorded(variant),
            engine = run.engine,
            golden = recorded(golden, output),
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
    val verdict = judge(record)
    val reasons = listOfNotNull(golden.reason) + verdict.reasons
    return record.copy(verdict = verdict.copy(trusted = verdict.trusted && golden.passed, reasons = reasons))
}

/** Null for outputs with nothing to compare: JSON has no infinity. */
private fun recorded(
    golden: GoldenResult,
    output: FloatArray,
) = if (golden.maxRel.isFinite()) {
    RecordedGolden(golden.maxLsb, golden.maxRel, sha256(output), golden.tolerance)
} else {
    null
}

private fun ModelBundle.recorded(variant: Variant) =
    RecordedModel(manifest.name, manifest.target, variant.precision, variant.part, variant.sha256, variant.sizeBytes)

private fun sha256(values: FloatArray): String {
    val bytes = ByteBuffer.allocate(values.size * Float.SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN)
    bytes.asFloatBuffer().put(values)
    return hexadecimal(MessageDigest.getInstance("SHA-256").digest(bytes.array()))
}

/** A name for a record or a run. */
fun unique(): String = UUID.randomUUID().toString().replace("-", "")

private const val DEVICE = "android" // other records have 'local' or 'adb'
