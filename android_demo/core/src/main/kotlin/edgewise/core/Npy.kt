package edgewise.core

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** A float32 array in NumPy's file format. */
class Npy(
    val shape: List<Int>,
    val values: FloatArray,
) {
    /** The content of a file, as NumPy writes it. */
    fun bytes(): ByteArray {
        val sides = shape.joinToString(", ") + if (shape.size == 1) "," else ""
        val told = "{'descr': '<f4', 'fortran_order': False, 'shape': ($sides), }"
        val start = (PREFIX + told.length + ALIGNED) / ALIGNED * ALIGNED
        val header = told.padEnd(start - PREFIX - 1) + "\n"
        val content = ByteBuffer.allocate(start + Float.SIZE_BYTES * values.size).order(ByteOrder.LITTLE_ENDIAN)
        content
            .put(MAGIC)
            .put(1)
            .put(0)
            .putShort(header.length.toShort())
            .put(header.toByteArray(Charsets.ISO_8859_1))
        values.forEach(content::putFloat)
        return content.array()
    }

    companion object {
        /** Parse the content of the file [name]; only little-endian float32 in C order is accepted. */
        fun read(
            name: String,
            bytes: ByteArray,
        ): Npy {
            if (bytes.size < PREFIX || MAGIC.indices.any { bytes[it] != MAGIC[it] }) {
                throw damaged(name, "is not an .npy file")
            }
            val version = bytes[MAGIC.size].toInt()
            if (version != 1) throw damaged(name, "has format version $version, not 1")
            val start = PREFIX + little(bytes, PREFIX - Short.SIZE_BYTES, Short.SIZE_BYTES).short.toUShort().toInt()
            if (start > bytes.size) throw damaged(name, "ends within its header")
            val shape = shape(name, String(bytes, PREFIX, start - PREFIX, Charsets.ISO_8859_1))
            val count = shape.fold(1L) { product, side -> product * side }
            val size = bytes.size - start
            if (size.toLong() != count * Float.SIZE_BYTES) {
                throw damaged(name, "has $size bytes for $count values of float32")
            }
            return Npy(shape, FloatArray(count.toInt()).also { little(bytes, start, size).asFloatBuffer().get(it) })
        }

        private fun shape(
            name: String,
            header: String,
        ): List<Int> {
            val type = field(name, header, "descr", "'([^']*)'")
            if (type != "<f4") throw damaged(name, "contains $type, not <f4 (float32)")
            if (field(name, header, "fortran_order", "(True|False)") != "False") {
                throw damaged(name, "is in Fortran order, not in C order")
            }
            val sides = field(name, header, "shape", """\(([\d, ]*)\)""").split(",").map(String::trim)
            return sides.filter(String::isNotEmpty).map { it.toIntOrNull() ?: throw damaged(name, "has dimension $it") }
        }

        private fun field(
            name: String,
            header: String,
            key: String,
            value: String,
        ): String =
            Regex("'$key': *$value").find(header)?.groupValues?.get(1)
                ?: throw damaged(name, "lacks '$key' in its header")

        private fun little(
            bytes: ByteArray,
            start: Int,
            size: Int,
        ) = ByteBuffer.wrap(bytes, start, size).order(ByteOrder.LITTLE_ENDIAN)

        private val MAGIC = byteArrayOf(0x93.toByte()) + "NUMPY".toByteArray()
        private const val ALIGNED = 64 // where the values begin, in bytes
        private const val PREFIX = 10 // magic, two bytes for the version, two for the length of the header
    }
}
