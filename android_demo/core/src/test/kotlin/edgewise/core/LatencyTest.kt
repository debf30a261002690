package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.int
import io.kotest.property.arbitrary.list
import io.kotest.property.arbitrary.numericDouble
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class LatencyTest {
    private val times = Arb.list(Arb.numericDouble(0.001, 1e4), 1..200)

    /** NumPy sums in another order, so only the mean differs, by rounding. */
    @Test
    fun `summaries match Python's`() {
        for (case in Vectors.numbers.latencies) {
            val found = Percentiles.of(case.times)
            assertEquals(case.summary, found.copy(meanMs = case.summary.meanMs))
            assertEquals(case.summary.meanMs, found.meanMs, 1e-12 * case.summary.meanMs)
        }
    }

    @Test
    fun `percentiles are within the range of the times and in order`() =
        runBlocking<Unit> {
            checkAll(times) { values ->
                val found = Percentiles.of(values)
                assertTrue(found.minMs <= found.p50Ms && found.p50Ms <= found.p90Ms && found.p90Ms <= values.max())
                assertEquals(values.size >= 100, found.p99Ms != null)
            }
        }

    @Test
    fun `a summary without times, or with invalid ones, is refused`() {
        for (values in listOf(emptyList(), listOf(0.0), listOf(1.0, Double.NaN), listOf(Double.POSITIVE_INFINITY))) {
            assertThrows<IllegalArgumentException> { Percentiles.of(values) }
        }
    }

    @Test
    fun `rolling percentiles cover the last times`() =
        runBlocking<Unit> {
            checkAll(times, Arb.int(1, 150)) { values, capacity ->
                val rolling = RollingLatency(capacity)
                values.forEach(rolling::add)
                val last = Percentiles.of(values.takeLast(capacity))
                assertEquals(last.count, rolling.count)
                assertEquals(last.p50Ms to last.p90Ms, rolling.p50 to rolling.p90)
            }
        }

    @Test
    fun `without times there are no rolling percentiles`() {
        val rolling = RollingLatency()
        assertNull(rolling.p50)
        rolling.add(5.0)
        assertEquals(5.0, rolling.p90)
        rolling.clear()
        assertNull(rolling.p90)
        assertEquals(0, rolling.count)
        assertThrows<IllegalArgumentException> { RollingLatency(0) }
    }
}
