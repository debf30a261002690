package edgewise.core

import kotlinx.serialization.Serializable

/** What measured: a phone. The fields of this file are those of `runtime/bench/record.py`, which describes them. */
@Serializable
data class Machine(
    val board: String?,
    val system: String,
    val kernel: String?,
    val libc: String?,
    val architecture: String,
    val processor: String?,
    val features: List<String>?,
    val cores: Int?,
    val memoryBytes: Long?,
    val software: String?,
    val emulated: String?,
)

/** The phone at one moment. */
@Serializable
data class Conditions(
    val at: String,
    val governors: List<String>? = null,
    val frequenciesMhz: List<Double>? = null,
    val temperaturesC: Map<String, Double>? = null,
    val throttled: Int? = null,
    val load: Double? = null,
)

/** Which model. */
@Serializable
data class RecordedModel(
    val name: String,
    val target: String,
    val precision: String,
    val part: String,
    val sha256: String,
    val sizeBytes: Long,
)

/** What computed it. */
@Serializable
data class Engine(
    val name: String,
    val version: String,
    val delegate: String?,
    val operators: Int?,
    val delegated: Int?,
)

/** How the phone answers the golden sample. */
@Serializable
data class RecordedGolden(
    val maxLsb: Double?,
    val maxRel: Double,
    val outputSha256: String,
)

/** Whether the figure deserves belief, and if not, why. */
@Serializable
data class Verdict(
    val trusted: Boolean,
    val reasons: List<String>,
)

/** The record of one model's latency on one device, schema 1: what `edgewise bench` writes, field for field. */
@Serializable
data class LatencyRecord(
    val schema: Int = 1,
    val id: String,
    val run: String,
    val started: String,
    val edgewise: String,
    val device: String,
    val machine: Machine,
    val model: RecordedModel,
    val engine: Engine,
    val golden: RecordedGolden?,
    val threads: Int,
    val cpus: List<Int>?,
    val loadMs: Double,
    val firstMs: Double,
    val warmUps: Int,
    val samplesMs: List<Double>,
    val endToEndMs: List<Double>,
    val peakRssBytes: Long?,
    val energyMj: Double?,
    val before: Conditions?,
    val after: Conditions?,
    val others: Double?,
    val interrupted: String?,
    val summary: Percentiles,
    val endToEnd: Percentiles?,
    val drift: Double,
    val verdict: Verdict = Verdict(true, emptyList()),
) {
    /** As `edgewise` reads it. */
    fun toJson(): String = FORMAT.encodeToString(this)
}
