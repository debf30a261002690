package edgewise.core

import kotlinx.serialization.Serializable
import kotlin.math.floor
import kotlin.math.min

/** The median and the 90th percentile of the last [capacity] times, in milliseconds; thread-safe. */
class RollingLatency(
    private val capacity: Int = 120,
) {
    private val times = ArrayDeque<Double>(capacity)

    init {
        require(capacity > 0) { "capacity $capacity: must be greater than 0" }
    }

    val p50: Double? get() = quantile(0.5)
    val p90: Double? get() = quantile(0.9)
    val count: Int
        @Synchronized get() = times.size

    /** Add a time, dropping the oldest one if necessary. */
    @Synchronized
    fun add(ms: Double) {
        if (times.size == capacity) times.removeFirst()
        times.addLast(ms)
    }

    /** Remove all times, for example after changing the model. */
    @Synchronized
    fun clear() = times.clear()

    @Synchronized
    private fun quantile(part: Double): Double? = times.takeIf { it.isNotEmpty() }?.let { quantile(it.sorted(), part) }
}

/** A summary of times in milliseconds; [p99Ms] is null for fewer than 100 times, which cannot determine it. */
@Serializable
data class Percentiles(
    val count: Int,
    val meanMs: Double,
    val minMs: Double,
    val p50Ms: Double,
    val p90Ms: Double,
    val p99Ms: Double?,
) {
    companion object {
        fun of(times: List<Double>): Percentiles {
            require(times.isNotEmpty() && times.all { it > 0 && it.isFinite() }) {
                "times must be finite and greater than zero, found ${times.minOrNull()} to ${times.maxOrNull()}"
            }
            val sorted = times.sorted()
            val (p50, p90, p99) = listOf(0.5, 0.9, 0.99).map { quantile(sorted, it) }
            val shown = p99.takeIf { times.size >= FEWEST_FOR_P99 }
            return Percentiles(times.size, times.average(), sorted[0], p50, p90, shown)
        }
    }
}

/** Interpolate linearly between order statistics, starting from the nearer one, as NumPy does. */
internal fun quantile(
    sorted: List<Double>,
    part: Double,
): Double {
    val place = (sorted.size - 1) * part
    val below = floor(place).toInt()
    val (low, high) = sorted[below] to sorted[min(below + 1, sorted.size - 1)]
    val way = place - below
    return if (way < 0.5) low + (high - low) * way else high - (high - low) * (1 - way)
}

/** The median of the last quarter of [times] divided by that of the first: 1 if the speed did not change. */
internal fun drift(times: List<Double>): Double {
    val quarter = maxOf(1, times.size / 4)
    return median(times.takeLast(quarter)) / median(times.take(quarter))
}

internal fun median(times: List<Double>): Double {
    val sorted = times.sorted()
    val middle = sorted.size / 2
    return if (sorted.size % 2 == 1) sorted[middle] else (sorted[middle - 1] + sorted[middle]) / 2
}

private const val FEWEST_FOR_P99 = 100
