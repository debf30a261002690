package edgewise.core

import kotlinx.serialization.Serializable
import kotlinx.serialization.json.JsonElement

/** The phone. The fields in this file are those of `runtime/bench/record.py`, which documents them. */
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
    val coreCapacities: List<Int>? = null,
    val highestMhz: List<Double>? = null,
)

/** The state of the phone at one moment. */
@Serializable
data class Conditions(
    val at: String,
    val governors: List<String>? = null,
    val frequenciesMhz: List<Double>? = null,
    val temperaturesC: Map<String, Double>? = null,
    val throttled: Int? = null,
    val load: Double? = null,
    val limitsC: Map<String, Double>? = null,
    val slowed: Int? = null,
    val throttleCount: Int? = null,
    val firmwareMhz: Double? = null,
)

/** The model. */
@Serializable
data class RecordedModel(
    val name: String,
    val target: String,
    val precision: String,
    val part: String,
    val sha256: String,
    val sizeBytes: Long,
)

/** The engine and its settings. */
@Serializable
data class Engine(
    val name: String,
    val version: String,
    val delegate: String?,
    val operators: Int?,
    val delegated: Int?,
)

/** The result of the golden sample. */
@Serializable
data class RecordedGolden(
    val maxLsb: Double?,
    val maxRel: Double,
    val outputSha256: String,
    val tolerance: String? = null,
)

/** Whether the latency is reliable: nothing speaks against it, and nothing that matters is unknown. */
@Serializable
data class Verdict(
    val trusted: Boolean,
    val reasons: List<String>,
    val unknown: List<String> = emptyList(),
) {
    /** The reasons, and what is unknown as the last one. */
    fun doubts(): List<String> =
        reasons + listOf(unknown.joinToString(", ")).filter(String::isNotEmpty).map { "the device does not show $it" }
}

/** Records in one file, which `edgewise results --add` reads. */
fun toJson(records: List<LatencyRecord>): String = FORMAT.encodeToString(mapOf("records" to records))

/** The record of a model's latency on a device, schema 1: the same fields as in `edgewise bench`. */
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
    val cpusChosen: Boolean = false,
    val mhz: List<Double>? = null,
    val launches: List<Int> = emptyList(),
    // An app measures in one process and does not make these.
    val p50Interval: JsonElement? = null,
    val cpu: Percentiles? = null,
    val alone: Percentiles? = null,
    val singleStream: JsonElement? = null,
    val sustained: JsonElement? = null,
) {
    /** The JSON that `edgewise` reads. */
    fun toJson(): String = FORMAT.encodeToString(this)
}
