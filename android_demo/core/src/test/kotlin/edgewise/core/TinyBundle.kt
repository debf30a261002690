package edgewise.core

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import java.io.ByteArrayInputStream
import java.io.FileNotFoundException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/** The smallest possible bundle, in memory: two classes, one pixel; files can be damaged or removed. */
class TinyBundle(
    change: (MutableMap<String, JsonElement>) -> Unit = {},
) : Files {
    val contents: MutableMap<String, ByteArray> =
        mutableMapOf(
            "labels.txt" to "ant\nbee\n".toByteArray(),
            "golden/image.png" to byteArrayOf(1),
            "golden/input.npy" to npy(floatArrayOf(0.5f, 0.25f, 0f), "(1, 1, 1, 3)"),
            "golden/logits.npy" to npy(floatArrayOf(1f, -1f), "(1, 2)"),
            "golden/output.npy" to npy(floatArrayOf(1f, -1f), "(1, 2)"),
            "tiny-w8a8.tflite" to ByteArray(200_000) { it.toByte() },
            "tiny-fp32.tflite" to ByteArray(3),
        )

    init {
        val fields = (Json.parseToJsonElement(manifest()) as JsonObject).toMutableMap().also(change)
        contents["manifest.json"] = JsonObject(fields).toString().toByteArray()
    }

    override fun open(path: String) = ByteArrayInputStream(contents[path] ?: throw FileNotFoundException(path))

    private fun manifest() =
        """
        {
          "schema": 1, "name": "tiny", "target": "tflite", "precision": "w8a8", "io": "uint8",
          "model": "tiny-w8a8.tflite", "reference": "tiny-fp32.tflite", "training": null,
          "spec": {
            "name": "tiny",
            "labels": {"ids": [], "names": ["ant", "bee"]},
            "origin": {"description": "random weights", "sha256": "", "source": "random"},
            "preprocess": {
              "size": 1, "resize": 2, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic"
            }
          },
          "files": {${contents.entries.joinToString { (name, bytes) -> entry(name, bytes) }}},
          "structure": {
            "inputs": [{"name": "in", "dtype": "uint8", "shape": [1, 1, 1, 3], "scale": 0.007, "zero_point": 128}],
            "outputs": [{"name": "out", "dtype": "float32", "shape": [1, 2], "scale": null, "zero_point": null}],
            "output_step": 0.1
          },
          "versions": {"edgewise": "0.1.0"}
        }
        """

    private fun entry(
        name: String,
        bytes: ByteArray,
    ): String {
        val sha256 = MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
        return """"$name": {"sha256": "$sha256", "size_bytes": ${bytes.size}}"""
    }
}

/** An array in NumPy's file format. */
fun npy(
    values: FloatArray,
    shape: String,
    type: String = "<f4",
    fortran: String = "False",
): ByteArray {
    val header = "{'descr': '$type', 'fortran_order': $fortran, 'shape': $shape, }".padEnd(117) + "\n"
    val file = ByteBuffer.allocate(10 + header.length + 4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
    file
        .put(0x93.toByte())
        .put("NUMPY".toByteArray())
        .put(1)
        .put(0)
        .putShort(header.length.toShort())
    file.put(header.toByteArray())
    values.forEach(file::putFloat)
    return file.array()
}
