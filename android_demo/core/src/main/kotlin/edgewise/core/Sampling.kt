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
): Samples = measureInTurn(listOf(run), sampling, nanoTime, goOn).single()

/**
 * Time several models in turn, so that heat and other programs affect all of them alike; see [measure].
 *
 * A model's turn lasts [BLOCK_MS], after an inference that does not count, because the caches still hold the
 * previous one.
 */
fun measureInTurn(
    models: List<() -> Unit>,
    sampling: Sampling = Sampling(),
    nanoTime: () -> Long = System::nanoTime,
    goOn: (progress: Double) -> Boolean = { true },
): List<Samples> {
    val timed = models.map { TimedModel(sampling, nanoTime, it) }

    fun goesOn() = goOn(timed.minOf { it.progress })

    fun turns(): Boolean {
        while (timed.any { !it.done }) {
            if (!timed.all { it.turn(timed.size > 1, ::goesOn) }) return false
        }
        return true
    }
    val complete = timed.all { it.warmUp(::goesOn) } && turns()
    return timed.map { it.samples(complete) }
}

/** One of the models, from its first inference on. */
private class TimedModel(
    private val sampling: Sampling,
    private val nanoTime: () -> Long,
    private val run: () -> Unit,
) {
    private val first = timed()
    private val times = ArrayList<Double>(sampling.runs)
    private var warmUps = 1
    private var sum = 0.0

    val done: Boolean get() = times.size >= sampling.runs && sum >= sampling.seconds * MS_PER_SECOND

    val progress: Double
        get() {
            val spent = if (sampling.seconds > 0) sum / (sampling.seconds * MS_PER_SECOND) else 1.0
            return min(1.0, min(spent, times.size.toDouble() / sampling.runs))
        }

    fun samples(complete: Boolean) = Samples(first, warmUps, times, complete)

    fun warmUp(goesOn: () -> Boolean): Boolean {
        val end = nanoTime() + sampling.warmUpSeconds * MS_PER_SECOND * NANOSECONDS
        while (warmUps <= sampling.warmUps || nanoTime() < end) {
            if (!goesOn()) return false
            timed()
            warmUps++
        }
        return true
    }

    /** Alone, a model stops at its last sample; in turn with [others], all have the same number of turns. */
    fun turn(
        others: Boolean,
        goesOn: () -> Boolean,
    ): Boolean {
        if (others) timed()
        val end = sum + BLOCK_MS
        do {
            if (!goesOn()) return false
            times += timed()
            sum += times.last()
        } while (sum < end && (others || !done))
        return true
    }

    private fun timed(): Double {
        val start = nanoTime()
        run()
        return (nanoTime() - start) / NANOSECONDS
    }
}

private const val BLOCK_MS = 100.0
private const val MS_PER_SECOND = 1000.0
private const val NANOSECONDS = 1e6 // per millisecond
