package edgewise.core

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.assertThrows
import java.io.IOException

class ModelBundleTest {
    @Test
    fun `everything that the app needs comes from the manifest`() {
        val files = TinyBundle()
        val bundle = ModelBundle.read(files).also { it.verify(files) }
        assertEquals(listOf("ant", "bee"), bundle.labels)
        assertEquals(Interpolation.BICUBIC, bundle.preprocess.interpolation)
        assertEquals(listOf(1, 1, 1, 3), bundle.input.shape)
        assertEquals(TensorType.UINT8, bundle.input.type)
        assertEquals(0.007f to 128, bundle.input.quantization?.let { it.scale to it.zeroPoint })
        val (model, twin) = bundle.variants()
        assertEquals(listOf("tiny-w8a8.tflite", "w8a8", "model", 200_000L), told(model))
        assertEquals(listOf("tiny-fp32.tflite", "fp32", "reference", 3L), told(twin))
        assertEquals(TensorType.FLOAT32 to null, twin.input.run { type to quantization })
    }

    @Test
    fun `one output is enough for two classes`() {
        val single: (MutableMap<String, JsonElement>) -> Unit = { fields ->
            fields.inside("structure") {
                val output = (getValue("outputs") as JsonArray)[0] as JsonObject
                val shape = JsonArray(listOf(1, 1).map { JsonPrimitive(it) })
                this["outputs"] = JsonArray(listOf(JsonObject(output + ("shape" to shape))))
            }
        }
        assertEquals(listOf(1, 1), ModelBundle.read(TinyBundle(single)).output.shape)
    }

    @Test
    fun `a float bundle has no twin`() {
        val bundle = ModelBundle.read(TinyBundle { it["reference"] = JsonNull })
        assertEquals(listOf("model"), bundle.variants().map { it.part })
    }

    @Test
    fun `a bundle written by Python is read, verified and preprocessed identically`() {
        val bundle = Vectors.bundle.also { it.verify(Vectors.files) }
        assertEquals(listOf("model", "reference"), bundle.variants().map { it.part })
        assertEquals(bundle.labels.size, bundle.golden.output.size)
        assertNull(bundle.input.quantization)
    }

    @TestFactory
    fun `the error for an unsuitable manifest says how to fix it`(): List<DynamicTest> =
        mapOf<String, (MutableMap<String, JsonElement>) -> Unit>(
            "not an edgewise manifest; fill the app's assets" to { it -= "schema" },
            "manifest.json is not an edgewise manifest" to { it["schema"] = JsonPrimitive(0) },
            "a newer edgewise wrote this bundle (schema 2, this app reads 1)" to { it["schema"] = JsonPrimitive(2) },
            "this bundle is for \"onnx\", but a phone needs \"tflite\"" to { it["target"] = JsonPrimitive("onnx") },
            "Field 'spec' is required" to { it -= "spec" },
            "Field 'model' is required" to { it -= "model" },
            "float16" to { it["io"] = JsonPrimitive("float16") },
            "does not list 'other.tflite' among its files" to { it["model"] = JsonPrimitive("other.tflite") },
            "does not list 'gone.tflite' among its files" to { it["reference"] = JsonPrimitive("gone.tflite") },
            "resize 0 do not fit" to { it.inside("spec", "preprocess") { this["resize"] = JsonPrimitive(0) } },
            "area" to { it.inside("spec", "preprocess") { this["interpolation"] = JsonPrimitive("area") } },
            "the spec needs [1, 3]" to {
                it.inside("spec", "labels") { this["names"] = JsonArray(List(3) { JsonPrimitive("cat") }) }
            },
            "lists 0 inputs, need one" to { it.inside("structure") { this["inputs"] = JsonArray(emptyList()) } },
            "no scale and zero point" to {
                it.inside("structure") {
                    val input = (getValue("inputs") as JsonArray)[0] as JsonObject
                    this["inputs"] = JsonArray(listOf(JsonObject(input + ("scale" to JsonNull))))
                }
            },
        ).map { (fault, change) -> dynamicTest(fault) { refused(fault, TinyBundle(change)) } }

    @Test
    fun `the error without a bundle says how to add one`() {
        val message = assertThrows<BundleException> { ModelBundle.read { throw IOException(it) } }.message!!
        assertTrue("there is no bundle" in message && message.endsWith("edgewise android BUNDLE")) { message }
        refused("cannot be read", TinyBundle().apply { contents["manifest.json"] = "{".toByteArray() })
        refused("not an edgewise manifest", TinyBundle().apply { contents["manifest.json"] = "[1]".toByteArray() })
    }

    @Test
    fun `a golden sample that is missing or does not fit is refused`() {
        val name = "golden/logits.npy"
        refused("$name cannot be read", TinyBundle().apply { contents -= name })
        refused("$name has 3 values instead of 2", TinyBundle().apply { contents[name] = npy(FloatArray(3), "(1, 3)") })
        val odd = npy(floatArrayOf(1f, Float.NaN), "(1, 2)")
        refused("$name contains NaN or infinity", TinyBundle().apply { contents[name] = odd })
    }

    @Test
    fun `a file that does not match the manifest is detected`() {
        val name = "tiny-w8a8.tflite"
        val whole = TinyBundle().contents.getValue(name)
        unverified("$name is damaged: its sha256", whole.copyOf().also { it[123_456] = 0 })
        unverified("$name has 199999 bytes instead of 200000", whole.copyOf(199_999))
        unverified("$name cannot be read", null)
    }

    private fun told(variant: Variant) = variant.run { listOf(file, precision, part, sizeBytes) }

    private fun unverified(
        fault: String,
        content: ByteArray?,
    ) {
        val files = TinyBundle()
        if (content == null) files.contents -= "tiny-w8a8.tflite" else files.contents["tiny-w8a8.tflite"] = content
        val message = assertThrows<BundleException> { ModelBundle.read(files).verify(files) }.message!!
        assertTrue(fault in message && "copy or export the bundle again" in message) { message }
    }

    private fun refused(
        fault: String,
        files: Files,
    ) {
        val message = assertThrows<BundleException> { ModelBundle.read(files) }.message!!
        assertTrue(fault in message && ';' in message && '\n' !in message) { message }
    }

    /** Change the content at a path of names. */
    private fun MutableMap<String, JsonElement>.inside(
        vararg names: String,
        change: MutableMap<String, JsonElement>.() -> Unit,
    ) {
        val content = (getValue(names[0]) as JsonObject).toMutableMap()
        if (names.size == 1) content.change() else content.inside(*names.drop(1).toTypedArray(), change = change)
        this[names[0]] = JsonObject(content)
    }
}
