package edgewise.core

import java.math.BigDecimal
import java.math.RoundingMode
import kotlin.math.abs

/** Whether a latency is reliable; the rules, limits and messages are those of `runtime/bench/trust.py`, without a board's firmware. */
fun judge(record: LatencyRecord): Verdict {
    val reasons = CHECKS.flatMap { check -> check(record) }
    val unknown = if (record.machine.emulated.isNullOrEmpty()) unknown(record) else emptyList()
    return Verdict(reasons.isEmpty() && unknown.isEmpty(), reasons, unknown)
}

private fun whole(record: LatencyRecord) = listOfNotNull(record.interrupted?.let { "the run was interrupted ($it)" })

private fun real(record: LatencyRecord) =
    listOf(record.machine.emulated.orEmpty()).filter(String::isNotEmpty).map { "the processor is emulated by $it" }

private fun many(record: LatencyRecord): List<String> {
    val (count, seconds) = record.samplesMs.size to rounded(record.samplesMs.sum() / 1000, 1)
    val launches = maxOf(1, record.launches.size)
    return listOfNotNull(
        "too few samples ($count, needs $MIN_SAMPLES)".takeIf { count < MIN_SAMPLES },
        "too short ($seconds s of samples, needs ${MIN_SECONDS.toInt()})".takeIf { seconds.toDouble() < MIN_SECONDS },
        "too few launches of its process ($launches, needs $MIN_LAUNCHES)".takeIf { launches < MIN_LAUNCHES },
    )
}

private fun steady(record: LatencyRecord): List<String> {
    if (record.drift in 1 / MAX_DRIFT..MAX_DRIFT) return emptyList()
    val way = if (record.drift > 1) "slower" else "faster"
    return listOf("it drifted (the last quarter was ${percent(abs(record.drift - 1))} % $way than the first)")
}

private fun onEqualCores(record: LatencyRecord) =
    listOf("it was not kept on cores of the same speed").filter { alike(record) == false }

/** Nine of ten observations count: in a moment without work a frequency may fall. */
private fun constant(record: LatencyRecord): List<String> {
    val found = observed(record)
    if (found.size < 2) return emptyList()
    val (low, high) = listOf(0.05, 0.95).map { quantile(found.sorted(), it) }
    if (high - low <= MAX_FREQUENCY_CHANGE * high) return emptyList()
    val (first, last) = if (found.last() > found.first()) low to high else high to low
    return listOf("the frequency changed from ${rounded(first, 0)} to ${rounded(last, 0)} MHz")
}

/** On x86 the highest frequency is a turbo of few cores. */
private fun atFullSpeed(record: LatencyRecord): List<String> {
    val (found, highest) = observed(record) to used(record, record.machine.highestMhz)
    if (found.isEmpty() || highest.isEmpty() || x86(record)) return emptyList()
    val speed = median(found)
    if (speed >= (1 - MAX_FREQUENCY_CHANGE) * highest.max()) return emptyList()
    return listOf("the processor ran at ${rounded(speed, 0)} of ${rounded(highest.max(), 0)} MHz")
}

/** Flags set before or after the run count; flags since boot count only if they are new. */
private fun unthrottled(record: LatencyRecord): List<String> {
    val before = record.before?.throttled
    val after = record.after?.throttled
    val fresh = if (before == null || after == null) 0 else after and before.inv()
    val bits = (before ?: 0) or (after ?: 0) or (fresh shr SINCE_BOOT)
    val told = THROTTLE.filterIndexed { bit, _ -> bits shr bit and 1 == 1 }
    val state = moments(record).maxOfOrNull { it.slowed ?: 0 } ?: 0
    return listOfNotNull(
        "the board reported ${told.joinToString(" and ")}".takeIf { told.isNotEmpty() },
        "Linux slowed the processor down (cooling state $state)".takeIf { state > 0 },
    )
}

private fun cool(record: LatencyRecord): List<String> {
    val zones = moments(record).flatMap { heat(record, it) }
    val hot = zones.firstOrNull { (_, degrees, limit) -> degrees >= limit } ?: return emptyList()
    return listOf("${hot.first} was at ${rounded(hot.second, 0)} degrees, and the limit is ${rounded(hot.third, 0)}")
}

private fun alone(record: LatencyRecord): List<String> {
    record.others?.let { others ->
        return listOf("other programs used ${percent(others)} % of the processor time").filter { others > MAX_OTHERS }
    }
    val load = record.before?.load ?: return emptyList()
    val cores = record.machine.cores?.takeIf { it > 0 }
    if (load <= (cores ?: CORES) / 2.0) return emptyList()
    return listOf("the machine was busy before the run (load ${rounded(load, 1)} on ${cores ?: "unknown"} cores)")
}

/** What the phone did not show although it decides how far the figure holds. */
private fun unknown(record: LatencyRecord): List<String> {
    val moments = moments(record)
    val signs = moments.flatMap { listOf(it.throttled, it.slowed, it.throttleCount) }
    return listOfNotNull(
        "its frequency".takeIf { observed(record).isEmpty() },
        "its temperature".takeIf { signs.all { it == null } && moments.all { heat(record, it).isEmpty() } },
        "whether its cores are equally fast".takeIf { alike(record) == null },
        "how busy it was".takeIf { record.others == null && record.before?.load == null },
    )
}

/** Whether the cores in use are equally fast; null if unknown. */
private fun alike(record: LatencyRecord): Boolean? {
    if (record.machine.cores == 1 || record.cpus?.size == 1) return true
    val speeds = (record.machine.coreCapacities ?: record.machine.highestMhz)?.map { it.toDouble() }
    val known = used(record, speeds).filter { it > 0 }
    return if (known.isEmpty()) null else known.min() >= (1 - ALIKE) * known.max()
}

/** Each zone that may slow the processor down, its temperature and its limit. */
private fun heat(
    record: LatencyRecord,
    moment: Conditions,
): List<Triple<String, Double, Double>> {
    val usual = if (x86(record)) HOT_X86_C else HOT_C
    val zones = moment.temperaturesC.orEmpty()
    val limits = moment.limitsC
    if (limits == null) { // phones also report batteries and cameras
        val told = zones.filterKeys { name -> PROCESSOR.any { it in name.lowercase() } }
        return told.map { (name, degrees) -> Triple(name, degrees, usual) }
    }
    val lowest = (limits.values + listOf(usual).filter { limits.isEmpty() || x86(record) }).min()
    return zones.map { (name, degrees) -> Triple(name, degrees, limits[name] ?: lowest) }
}

/** The fastest of the cores in use: without a list of them, others may have been idle. */
private fun observed(record: LatencyRecord): List<Double> =
    record.mhz?.ifEmpty { null }
        ?: moments(record).mapNotNull { moment -> used(record, moment.frequenciesMhz).maxOrNull()?.takeIf { it > 0 } }

private fun x86(record: LatencyRecord) = record.machine.architecture.lowercase() in X86

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

private val CHECKS: List<(LatencyRecord) -> List<String>> =
    listOf(::whole, ::real, ::many, ::steady, ::onEqualCores, ::constant, ::atFullSpeed, ::unthrottled, ::cool, ::alone)

private const val MIN_SAMPLES = 50
private const val MIN_SECONDS = 10.0
private const val MIN_LAUNCHES = 5
private const val MAX_DRIFT = 1.05
private const val MAX_OTHERS = 0.05
private const val MAX_FREQUENCY_CHANGE = 0.10
private const val ALIKE = 0.10
private const val HOT_C = 80.0
private const val HOT_X86_C = 95.0
private const val CORES = 4 // if unknown
private const val SINCE_BOOT = 16 // bit 16: bit 0 was set at some point since boot
private val X86 = setOf("x86_64", "amd64")
private val PROCESSOR = listOf("cpu", "soc", "x86_pkg")
private val THROTTLE = listOf("under-voltage", "a capped frequency", "throttling", "the soft temperature limit")
