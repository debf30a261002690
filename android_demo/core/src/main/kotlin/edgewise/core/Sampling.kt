package edgewise.core

import kotlin.math.min

/** How to measure a model: warm up until both of its limits are reached, then sample until both of theirs are. */
class Sampling(
    val warmUps: Int = 5,
    val warmUpSeconds: Double = 1.0,
    val runs: Int = 50,
    val seconds: Double = 10.0,
) {
    init {
        require(warmUps >= 1 && runs >= 2 && warmUpSeconds >= 0 && seconds >= 0) {
            "need at least one warm-up and two runs, found $warmUps and $runs"
        }
    }
}

/** The times of one model; [warmUps] includes the first inference; [complete] is false if the run was stopped. */
class Samples(
    val firstMs: Double,
    val warmUps: Int,
    val samplesMs: List<Double>,
    val complete: Boolean,
)

/**
 * Time [run] as `edgewise bench` does: the first inference, a warm-up, then every sample separately.
 *
 * [goOn] receives the progress before each inference and may stop the run; it is not timed.
 */
fun measure(
    sampling: Sampling = Sampling(),
    nanoTime: () -> Long = System::nanoTime,
    goOn: (progress: Double) -> Boolean = { true },
    run: () -> Unit,
): Samples {
    fun timed(): Double {
        val start = nanoTime()
        run()
        return (nanoTime() - start) / NANOSECONDS
    }

    val first = timed()
    var warmUps = 1
    val warmFrom = nanoTime()
    val samples = ArrayList<Double>(sampling.runs)
    var sum = 0.0

    fun samples(complete: Boolean) = Samples(first, warmUps, samples, complete)

    while (warmUps <= sampling.warmUps || nanoTime() - warmFrom < sampling.warmUpSeconds * 1000 * NANOSECONDS) {
        if (!goOn(0.0)) return samples(complete = false)
        timed()
        warmUps++
    }
    while (samples.size < sampling.runs || sum < sampling.seconds * 1000) {
        val spent = if (sampling.seconds > 0) sum / (sampling.seconds * 1000) else 1.0
        if (!goOn(min(1.0, min(spent, samples.size.toDouble() / sampling.runs)))) return samples(complete = false)
        samples += timed()
        sum += samples.last()
    }
    return samples(complete = true)
}

private const val NANOSECONDS = 1e6 // per millisecond
