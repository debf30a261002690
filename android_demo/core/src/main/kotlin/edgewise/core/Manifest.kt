package edgewise.core

import kotlinx.serialization.ExperimentalSerializationApi
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationException
import kotlinx.serialization.builtins.ListSerializer
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNamingStrategy
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.JsonTransformingSerializer
import kotlinx.serialization.json.intOrNull

/** The fields of `manifest.json` that a phone needs; `export/_bundle.py` documents them. */
@Serializable
class Manifest(
    val name: String,
    val target: String,
    val precision: String,
    val io: TensorType,
    val model: String,
    val reference: String?,
    val spec: Spec,
    val files: Map<String, Entry>,
    val structure: Structure,
    val versions: Map<String, String> = emptyMap(),
) {
    /** A file of the bundle. */
    @Serializable
    class Entry(
        val sha256: String,
        val sizeBytes: Long,
    )

    /** The description of the model. */
    @Serializable
    class Spec(
        val name: String,
        val preprocess: Preparation,
        val labels: Labels,
    )

    /** The fields of a [Preprocess]: float64 in JSON, rounded to float32 as in Python. */
    @Serializable
    class Preparation(
        @Serializable(with = OneOrTwo::class) val size: List<Int>,
        @Serializable(with = OneOrTwo::class) val resize: List<Int>,
        val mean: List<Double>,
        val std: List<Double>,
        val interpolation: Interpolation,
    )

    /** The classes in the order of the model's outputs. */
    @Serializable
    class Labels(
        val names: List<String>,
    )

    /** The model file as read by its engine; [outputStep] is one step (LSB) of the last INT8 tensor. */
    @Serializable
    class Structure(
        val inputs: List<End>,
        val outputs: List<End>,
        val outputStep: Double? = null,
    )

    /** An input or an output. */
    @Serializable
    class End(
        val dtype: TensorType,
        val shape: List<Int>,
        val scale: Double? = null,
        val zeroPoint: Int? = null,
    )

    companion object {
        /** Parse the text; the schema is checked first, because a newer one may rename everything. */
        fun read(text: String): Manifest {
            val content = json { parseToJsonElement(text) } as? JsonObject
            val schema = (content?.get("schema") as? JsonPrimitive)?.intOrNull
            if (content == null || schema == null || schema < 1) {
                throw BundleException("$MANIFEST is not an edgewise manifest; $FILL")
            }
            if (schema > SCHEMA) {
                throw BundleException(
                    "a newer edgewise wrote this bundle (schema $schema, this app reads $SCHEMA); update the app",
                )
            }
            refuseOtherTargets(content["target"])
            return json { decodeFromJsonElement(serializer(), content) }
        }

        private fun refuseOtherTargets(found: JsonElement?) {
            if (found != JsonPrimitive(TARGET)) {
                throw BundleException("this bundle is for $found, but a phone needs \"$TARGET\"; $FILL")
            }
        }

        private fun <T> json(read: Json.() -> T): T =
            try {
                FORMAT.read()
            } catch (error: SerializationException) {
                throw damaged(MANIFEST, "cannot be read (${error.message?.lineSequence()?.first()})", error)
            }
    }
}

/** Sides in pixels: one number, or a list of height and width. */
internal object OneOrTwo : JsonTransformingSerializer<List<Int>>(ListSerializer(Int.serializer())) {
    override fun transformDeserialize(element: JsonElement) =
        if (element is JsonArray) element else JsonArray(listOf(element))
}

/** JSON as written by Python: names in snake_case; unknown fields are ignored. */
@OptIn(ExperimentalSerializationApi::class)
internal val FORMAT =
    Json {
        namingStrategy = JsonNamingStrategy.SnakeCase
        ignoreUnknownKeys = true
        encodeDefaults = true
    }

internal const val MANIFEST = "manifest.json"
internal const val FILL = "fill the app's assets: edgewise android BUNDLE"
private const val SCHEMA = 1
private const val TARGET = "tflite"
