package edgewise.core

import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest

/** The location of a bundle's files: an app's assets or a folder. */
fun interface Files {
    /** Open a file by its name relative to the bundle; throws an [IOException] if there is none. */
    fun open(path: String): InputStream
}

/** A bundle is missing, not for a phone, or damaged; the message says what to do. */
class BundleException(
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause)

/** A model file in a bundle: the model or its float twin. */
class Variant(
    val file: String,
    val precision: String,
    val part: String,
    val sha256: String,
    val sizeBytes: Long,
    val input: Tensor,
    val output: Tensor,
)

/** A bundle with a consistent manifest and golden sample; the only source of size, classes and quantization. */
class ModelBundle(
    val manifest: Manifest,
    val golden: Golden,
) {
    val labels: List<String> = manifest.spec.labels.names
    val preprocess: Preprocess = manifest.spec.preprocess.toPreprocess()
    val input: Tensor =
        preprocess.run { only("input", manifest.structure.inputs, listOf(1, height, width, channels)) }
    val output: Tensor = only("output", manifest.structure.outputs, listOf(1, outputs()))
    private val model = Variant(manifest.model, manifest.precision, "model", input, output)
    private val reference = manifest.reference?.let { Variant(it, "fp32", "reference", input.float(), output.float()) }

    init {
        golden.check(this)
    }

    /** One for each class, or a single one for two. */
    private fun outputs(): Int {
        val found = manifest.structure.outputs
        val single = found.size == 1 && found[0].shape == listOf(1, 1)
        return if (labels.size == 2 && single) 1 else labels.size
    }

    /** The available models: the bundle's own, then its float twin if there is one. */
    fun variants(): List<Variant> = listOfNotNull(model, reference)

    /** Compare each file's size and sha256 with the manifest: runtimes do not detect flipped bytes. */
    fun verify(files: Files) {
        for ((name, entry) in manifest.files) {
            val (size, sha256) = opened(files, name) { measured(it) }
            if (size != entry.sizeBytes) throw damaged(name, "has $size bytes instead of ${entry.sizeBytes}")
            if (sha256 != entry.sha256) throw damaged(name, "is damaged: its sha256 does not match the manifest")
        }
    }

    private fun Variant(
        file: String,
        precision: String,
        part: String,
        input: Tensor,
        output: Tensor,
    ): Variant {
        val entry = manifest.files[file] ?: throw damaged(MANIFEST, "does not list '$file' among its files")
        return Variant(file, precision, part, entry.sha256, entry.sizeBytes, input, output)
    }

    companion object {
        /** Read the manifest and golden sample; [verify] also reads the models, which takes longer. */
        fun read(files: Files): ModelBundle {
            val text =
                try {
                    files.open(MANIFEST).use { it.readBytes().decodeToString() }
                } catch (error: IOException) {
                    throw BundleException("there is no bundle ($MANIFEST: ${error.message}); $FILL", error)
                }
            return ModelBundle(Manifest.read(text), Golden.read(files))
        }
    }
}

internal fun damaged(
    name: String,
    fault: String,
    cause: Throwable? = null,
): BundleException = BundleException("$name $fault; copy or export the bundle again", cause)

/** The result of [read] for a bundle file. */
internal fun <T> opened(
    files: Files,
    name: String,
    read: (InputStream) -> T,
): T =
    try {
        files.open(name).use(read)
    } catch (error: IOException) {
        throw damaged(name, "cannot be read (${error.message})", error)
    }

internal fun hexadecimal(digest: ByteArray): String = digest.joinToString("") { hexadecimal(it) }

private fun hexadecimal(byte: Byte): String = (byte.toInt() and 0xff).toString(16).padStart(2, '0')

private fun measured(stream: InputStream): Pair<Long, String> {
    val digest = MessageDigest.getInstance("SHA-256")
    val buffer = ByteArray(BLOCK)
    var size = 0L
    while (true) {
        val count = stream.read(buffer)
        if (count < 0) return size to hexadecimal(digest.digest())
        digest.update(buffer, 0, count)
        size += count
    }
}

private fun Manifest.Preparation.toPreprocess(): Preprocess =
    try {
        Preprocess(size, resize, mean.toFloats(), std.toFloats(), interpolation)
    } catch (error: IllegalArgumentException) {
        throw damaged(MANIFEST, "is invalid (${error.message})", error)
    }

private fun List<Double>.toFloats() = FloatArray(size) { this[it].toFloat() }

/** The single [end] (input or output) of a model, with the required [shape]. */
private fun only(
    end: String,
    found: List<Manifest.End>,
    shape: List<Int>,
): Tensor {
    val only = found.singleOrNull() ?: throw damaged(MANIFEST, "lists ${found.size} ${end}s, need one")
    if (only.shape != shape) throw damaged(MANIFEST, "lists shape ${only.shape} for the $end, the spec needs $shape")
    if (only.dtype == TensorType.FLOAT32) return Tensor(only.dtype, shape, null)
    if (only.scale == null || only.scale <= 0 || only.zeroPoint == null) {
        throw damaged(MANIFEST, "has no scale and zero point for the $end")
    }
    return Tensor(only.dtype, shape, Quantization(only.scale.toFloat(), only.zeroPoint))
}

private fun Tensor.float() = Tensor(TensorType.FLOAT32, shape, null)

private const val BLOCK = 1 shl 16
