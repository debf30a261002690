package edgewise.core

import java.math.BigDecimal
import java.math.RoundingMode
import kotlin.math.abs

/** Whether a latency is reliable; the rules, limits and messages are those of `runtime/bench/trust.py`. */
fun judge(record: LatencyRecord): Verdict {
    val reasons = CHECKS.mapNotNull { check -> check(record) }
    return Verdict(reasons.isEmpty(), reasons)
}

private fun whole(record: LatencyRecord) = record.interrupted?.let { "the run was interrupted ($it)" }

private fun real(record: LatencyRecord) =
    record.machine.emulated
        ?.ifEmpty { null }
        ?.let { "the processor is emulated by $it" }

private fun many(record: LatencyRecord): String? {
    val count = record.samplesMs.size
    return "too few samples ($count, needs $MIN_SAMPLES)".takeIf { count < MIN_SAMPLES }
}

private fun long(record: LatencyRecord): String? {
    val seconds = rounded(record.samplesMs.sum() / 1000, 1)
    return "too short ($seconds s of samples, needs ${MIN_SECONDS.toInt()})".takeIf { seconds.toDouble() < MIN_SECONDS }
}

private fun steady(record: LatencyRecord): String? {
    if (record.drift in 1 / MAX_DRIFT..MAX_DRIFT) return null
    val way = if (record.drift > 1) "slower" else "faster"
    return "it drifted (the last quarter was ${percent(abs(record.drift - 1))} % $way than the first)"
}

private fun governed(record: LatencyRecord): String? {
    val found = moments(record).flatMap { used(record, it.governors) }.toSortedSet() - setOf("performance", "")
    return if (found.isEmpty()) null else "the governor is ${found.joinToString(" and ")}, not performance"
}

/** Flags set before or after the run count; flags since boot count only if they are new. */
private fun unthrottled(record: LatencyRecord): String? {
    val before = record.before?.throttled
    val after = record.after?.throttled
    val fresh = if (before == null || after == null) 0 else after and before.inv()
    val bits = (before ?: 0) or (after ?: 0) or (fresh shr SINCE_BOOT)
    val told = THROTTLE.filterIndexed { bit, _ -> bits shr bit and 1 == 1 }
    return if (told.isEmpty()) null else "the board reported ${told.joinToString(" and ")}"
}

/** Compare the fastest of the cores in use: without a list of them, others may have been idle. */
private fun clocked(record: LatencyRecord): String? {
    val speeds = moments(record).mapNotNull { used(record, it.frequenciesMhz).maxOrNull() }
    if (speeds.size < 2 || abs(speeds[1] - speeds[0]) <= MAX_FREQUENCY_CHANGE * speeds.max()) return null
    return "the frequency changed from ${rounded(speeds[0], 0)} to ${rounded(speeds[1], 0)} MHz"
}

private fun cool(record: LatencyRecord): String? {
    val limit = if (record.machine.architecture.lowercase() in X86) HOT_X86_C else HOT_C
    val zones = moments(record).flatMap { it.temperaturesC.orEmpty().entries }
    // Phones also report batteries and cameras.
    val hottest = zones.filter { (name, _) -> PROCESSOR.any { it in name.lowercase() } }.maxOfOrNull { it.value } ?: 0.0
    return "the processor was at ${rounded(hottest, 0)} degrees, where it throttles".takeIf { hottest >= limit }
}

private fun alone(record: LatencyRecord): String? {
    record.others?.let { others ->
        return "other programs used ${percent(others)} % of the processor time".takeIf { others > MAX_OTHERS }
    }
    val load = record.before?.load ?: return null
    val cores = record.machine.cores?.takeIf { it > 0 }
    if (load <= (cores ?: CORES) / 2.0) return null
    return "the machine was busy before the run (load ${rounded(load, 1)} on ${cores ?: "unknown"} cores)"
}

private fun moments(record: LatencyRecord) = listOfNotNull(record.before, record.after)

/** The entries for the cores that the run was pinned to; all entries without such a list. */
private fun <T> used(
    record: LatencyRecord,
    byCore: List<T>?,
): List<T> = byCore.orEmpty().filterIndexed { core, _ -> record.cpus == null || core in record.cpus }

private fun percent(part: Double): String = rounded(100 * part, 0)

/** Format like Python: the exact value of the double, with ties to even. */
internal fun rounded(
    value: Double,
    digits: Int,
): String = BigDecimal(value).setScale(digits, RoundingMode.HALF_EVEN).toPlainString()

private val CHECKS: List<(LatencyRecord) -> String?> =
    listOf(::whole, ::real, ::many, ::long, ::steady, ::governed, ::unthrottled, ::clocked, ::cool, ::alone)

private const val MIN_SAMPLES = 50
private const val MIN_SECONDS = 10.0
private const val MAX_DRIFT = 1.05
private const val MAX_OTHERS = 0.05
private const val MAX_FREQUENCY_CHANGE = 0.10
private const val HOT_C = 80.0
private const val HOT_X86_C = 95.0
private const val CORES = 4 // if unknown
private const val SINCE_BOOT = 16 // bit 16: bit 0 was set at some point since boot
private val X86 = setOf("x86_64", "amd64")
private val PROCESSOR = listOf("cpu", "soc", "x86_pkg")
private val THROTTLE = listOf("under-voltage", "a capped frequency", "throttling", "the soft temperature limit")
