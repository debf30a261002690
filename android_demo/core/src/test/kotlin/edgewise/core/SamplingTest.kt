package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.int
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class SamplingTest {
    private var time = 0L

    @Test
    fun `warm-up and sampling each last until both limits are reached`() =
        runBlocking<Unit> {
            checkAll(Arb.int(1, 2000)) { ms ->
                var runs = 0
                val found = measure(nanoTime = { time }) { advance(ms).also { runs++ } }
                assertTrue(found.complete)
                assertEquals(1 + maxOf(5, ceiling(1000, ms)), found.warmUps)
                assertEquals(maxOf(50, ceiling(10_000, ms)), found.samplesMs.size)
                assertEquals(runs, found.warmUps + found.samplesMs.size)
                assertTrue(found.samplesMs.all { it == ms.toDouble() })
            }
        }

    @Test
    fun `the first inference is timed separately`() {
        val slow = mutableListOf(300, 20)
        val found = measure(nanoTime = { time }) { advance(slow.removeFirstOrNull() ?: 10) }
        assertEquals(300.0, found.firstMs)
        assertTrue(found.samplesMs.all { it == 10.0 })
    }

    @Test
    fun `progress grows to the end, and time between inferences is not counted`() {
        val heard = mutableListOf<Double>()
        val pause: (Double) -> Boolean = {
            advance(1000)
            heard += it
            true
        }
        val found = measure(Sampling(runs = 20, seconds = 0.5), { time }, pause) { advance(50) }
        assertEquals(List(20) { 50.0 }, found.samplesMs)
        assertEquals(heard.sorted(), heard)
        assertEquals(0.95, heard.last(), 1e-9)
    }

    @Test
    fun `a stopped run returns its samples and is marked as incomplete`() {
        val early = measure(nanoTime = { time }, goOn = { false }) { advance(10) }
        assertFalse(early.complete)
        assertEquals(1 to 0, early.warmUps to early.samplesMs.size)
        val late = measure(nanoTime = { time }, goOn = { it < 0.25 }) { advance(10) }
        assertFalse(late.complete)
        assertEquals(250, late.samplesMs.size)
    }

    @Test
    fun `models take turns until the slowest has enough samples, and the first of each turn does not count`() {
        val order = mutableListOf<Int>()
        val models =
            listOf(5, 50).mapIndexed { place, ms ->
                {
                    advance(ms)
                    order += place
                }
            }
        val found = measureInTurn(models, Sampling(1, 0.0, 4, 1.0), { time })
        assertTrue(found.all { it.complete })
        assertEquals(listOf(200, 20), found.map { it.samplesMs.size }) // ten turns of 100 ms each
        assertEquals(listOf(2, 2), found.map { it.warmUps })
        val sampled = order.drop(4)
        assertEquals(List(21) { 0 } + List(3) { 1 } + List(21) { 0 }, sampled.take(45))
        assertEquals(10 * (21 + 3), sampled.size)
    }

    @Test
    fun `stopping one model stops all`() {
        val found = measureInTurn(listOf({ advance(10) }, { advance(20) }), Sampling(), { time }) { it < 0.5 }
        assertEquals(listOf(false, false), found.map { it.complete })
        assertTrue(found.all { it.samplesMs.isNotEmpty() && it.samplesMs.size < 1000 })
    }

    @Test
    fun `too few runs are refused`() {
        assertThrows<IllegalArgumentException> { Sampling(runs = 1) }
        assertThrows<IllegalArgumentException> { Sampling(warmUps = 0) }
    }

    private fun advance(ms: Int) {
        time += ms * 1_000_000L
    }

    private fun ceiling(
        whole: Int,
        part: Int,
    ) = (whole + part - 1) / part
}
