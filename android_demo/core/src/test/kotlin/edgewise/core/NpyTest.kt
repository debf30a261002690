package edgewise.core

import io.kotest.property.Arb
import io.kotest.property.arbitrary.int
import io.kotest.property.arbitrary.list
import io.kotest.property.checkAll
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class NpyTest {
    @Test
    fun `shape and values are read`() {
        val found = Npy.read("a.npy", npy(floatArrayOf(1f, -2f, 0.5f, 3e9f, 0f, 7f), "(1, 2, 3)"))
        assertEquals(listOf(1, 2, 3), found.shape)
        assertEquals(listOf(1f, -2f, 0.5f, 3e9f, 0f, 7f), found.values.toList())
        assertEquals(listOf(2), Npy.read("b.npy", npy(FloatArray(2), "(2,)")).shape)
        assertEquals(1, Npy.read("c.npy", npy(FloatArray(1), "()")).values.size)
    }

    @Test
    fun `anything but float32 in C order is refused`() {
        val whole = npy(FloatArray(2), "(1, 2)")
        refused("is not an .npy file", whole.copyOf().also { it[0] = 0 })
        refused("is not an .npy file", ByteArray(0))
        refused("version 3", whole.copyOf().also { it[6] = 3 })
        refused("contains <f8", npy(FloatArray(2), "(1,)", type = "<f8"))
        refused("contains >f4", npy(FloatArray(1), "(1,)", type = ">f4"))
        refused("Fortran order", npy(FloatArray(2), "(1, 2)", fortran = "True"))
        refused("8 bytes for 3 values", npy(FloatArray(2), "(3,)"))
        refused("8 bytes for 1 values", npy(FloatArray(2), "(1,)"))
        refused("lacks 'shape' in its header", npy(FloatArray(2), "(-2,)"))
        refused("dimension 99999999999", npy(FloatArray(2), "(99999999999,)"))
    }

    @Test
    fun `a file truncated at any point is refused`() =
        runBlocking<Unit> {
            val whole = npy(floatArrayOf(1f, 2f, 3f), "(3,)")
            checkAll(Arb.int(0, whole.size - 1)) { size ->
                assertThrows<BundleException> { Npy.read("short.npy", whole.copyOf(size)) }
            }
        }

    @Test
    fun `what is written is what NumPy writes`() {
        val values = floatArrayOf(1f, -2f, Float.MIN_VALUE, Float.NaN, 3e9f, -0f)
        val written = Npy(listOf(2, 3), values).bytes()
        val header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117) + "\n"
        assertEquals("\u0093NUMPY\u0001\u0000v\u0000$header", String(written, 0, 128, Charsets.ISO_8859_1))
        assertEquals(128 + 4 * values.size, written.size)
        val again = Npy.read("a.npy", written)
        assertEquals(listOf(2, 3), again.shape)
        assertEquals(values.map(Float::toRawBits), again.values.map(Float::toRawBits))
    }

    @Test
    fun `arrays of any shape are written and read`() =
        runBlocking<Unit> {
            checkAll(Arb.list(Arb.int(1, 12), 0..4)) { shape ->
                val values = FloatArray(shape.fold(1, Int::times)) { it / 3f }
                val written = Npy(shape, values).bytes()
                assertEquals(0, (written.size - 4 * values.size) % 64)
                val again = Npy.read("a.npy", written)
                assertEquals(shape, again.shape)
                assertEquals(values.toList(), again.values.toList())
            }
        }

    private fun refused(
        fault: String,
        bytes: ByteArray,
    ) {
        val message = assertThrows<BundleException> { Npy.read("golden/input.npy", bytes) }.message!!
        assertTrue(message.startsWith("golden/input.npy ") && fault in message) { message }
        assertTrue(message.endsWith("; copy or export the bundle again")) { message }
    }
}
