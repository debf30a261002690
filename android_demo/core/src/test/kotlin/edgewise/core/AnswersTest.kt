package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.int
import io.kotest.property.arbitrary.list
import io.kotest.property.arbitrary.numericFloat
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import kotlin.math.abs
import kotlin.math.exp

class AnswersTest {
    private val vectors = Arb.list(Arb.numericFloat(-200f, 200f), 1..50)

    /** `exp` may differ between libraries by one float64 ULP, and therefore by one float32 ULP after rounding. */
    @Test
    fun `probabilities match Python's within one ULP, in the same order`() {
        for (case in Vectors.numbers.answers) {
            val found = softmax(case.logits.floats())
            val expected = case.probabilities.floats()
            for (place in found.indices) {
                assertTrue(abs(found[place] - expected[place]) <= Math.ulp(expected[place])) {
                    "${found[place]} instead of ${expected[place]}"
                }
            }
            assertEquals(case.top, top(expected, List(expected.size) { "class $it" }, 5).map { it.index })
        }
    }

    @Test
    fun `probabilities sum to one and keep the order of the logits`() =
        runBlocking<Unit> {
            checkAll(vectors) { values ->
                val logits = values.toFloatArray()
                val found = softmax(logits)
                assertEquals(1.0, found.sumOf { it.toDouble() }, 1e-5)
                val order = logits.indices.sortedBy { logits[it] }
                assertTrue(order.zipWithNext().all { (low, high) -> found[low] <= found[high] })
            }
        }

    @Test
    fun `the top classes come first, ties in the order of the labels`() =
        runBlocking<Unit> {
            checkAll(Arb.list(Arb.int(0, 3), 1..20), Arb.int(0, 25)) { levels, count ->
                val probabilities = FloatArray(levels.size) { levels[it] / 4f }
                val labels = List(levels.size) { "class $it" }
                val found = top(probabilities, labels, count)
                assertEquals(minOf(count, levels.size), found.size)
                assertTrue(found.all { it.label == labels[it.index] && it.probability == probabilities[it.index] })
                val left = levels.indices - found.map { it.index }.toSet()
                assertTrue(found.zipWithNext().all { (a, b) -> better(a.probability, a.index, b.probability, b.index) })
                found.lastOrNull()?.let { last ->
                    assertTrue(left.all { better(last.probability, last.index, probabilities[it], it) })
                }
            }
        }

    @Test
    fun `a single output is the logit of the second of two classes`() {
        assertArrayEquals(floatArrayOf(0f, -1.5f), logits(floatArrayOf(-1.5f)))
        assertArrayEquals(floatArrayOf(2f, 3f), logits(floatArrayOf(2f, 3f)))
        assertEquals(1 / (1 + exp(1.5)), softmax(logits(floatArrayOf(-1.5f)))[1].toDouble(), 1e-7)
    }

    @Test
    fun `a number of labels other than the number of classes is refused`() {
        assertThrows<IllegalArgumentException> { top(FloatArray(2), listOf("one"), 1) }
    }

    private fun better(
        a: Float,
        indexA: Int,
        b: Float,
        indexB: Int,
    ) = a > b || (a == b && indexA < indexB)
}
