package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.arbitrary
import io.kotest.property.arbitrary.int
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class PictureTest {
    private val pictures =
        arbitrary { source ->
            val (width, height) = source.random.nextInt(1, 9) to source.random.nextInt(1, 9)
            Picture(width, height, IntArray(width * height) { source.random.nextInt() })
        }

    @Test
    fun `left and right rotations are inverse, every other orientation is its own inverse`() =
        runBlocking<Unit> {
            checkAll(pictures, Arb.int(1, 8)) { picture, orientation ->
                val inverse = mapOf(6 to 8, 8 to 6).getOrDefault(orientation, orientation)
                assertSamePixels(picture, picture.upright(orientation).upright(inverse))
            }
        }

    @Test
    fun `combining two orientations gives one of the eight`() =
        runBlocking<Unit> {
            val plain = Picture(2, 3, IntArray(6) { it })
            checkAll(Arb.int(1, 8), Arb.int(1, 8)) { first, second ->
                val both = plain.upright(first).upright(second)
                val same = (1..8).map(plain::upright).filter { it.argb.contentEquals(both.argb) }
                assertEquals(listOf(both.width), same.map { it.width })
            }
        }

    @Test
    fun `the eight orientations give eight different pictures`() {
        val plain = Picture(2, 2, IntArray(4) { it })
        assertEquals(8, (1..8).map { plain.upright(it).argb.toList() }.toSet().size)
    }

    @Test
    fun `an orientation that EXIF does not define changes nothing`() {
        val picture = Picture(3, 2, IntArray(6) { it })
        for (orientation in listOf(-1, 0, 1, 9, 65_535)) assertSame(picture, picture.upright(orientation))
    }

    @Test
    fun `camera rotations add up`() =
        runBlocking<Unit> {
            checkAll(pictures, Arb.int(0, 3)) { picture, quarters ->
                var turned = picture
                repeat(quarters) { turned = turned.upright(exifOrientation(90)) }
                assertSamePixels(turned, picture.upright(exifOrientation(90 * quarters)))
            }
        }

    @Test
    fun `a frame rotated clockwise by 90 degrees starts with the first pixel of its last row`() {
        val turned = Picture(3, 2, intArrayOf(1, 2, 3, 4, 5, 6)).upright(exifOrientation(90))
        assertSamePixels(Picture(2, 3, intArrayOf(4, 1, 5, 2, 6, 3)), turned)
    }

    @Test
    fun `the result is written to the given array`() {
        val into = IntArray(6)
        assertSame(into, Picture(3, 2, IntArray(6) { it }).upright(6, into).argb)
    }

    @Test
    fun `invalid values are refused`() {
        assertThrows<IllegalArgumentException> { exifOrientation(45) }
        assertThrows<IllegalArgumentException> { Picture(2, 2, IntArray(3)) }
        assertThrows<IllegalArgumentException> { Picture(0, 2, IntArray(0)) }
    }

    private fun assertSamePixels(
        expected: Picture,
        found: Picture,
    ) {
        assertEquals(expected.width to expected.height, found.width to found.height)
        assertArrayEquals(expected.argb, found.argb)
    }
}
