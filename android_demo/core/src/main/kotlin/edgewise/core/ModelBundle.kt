package edgewise.core

import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest

/** Where a bundle's files are: an app's assets, or a folder. */
fun interface Files {
    /** Open a file by its name relative to the bundle; an [IOException] where there is none. */
    fun open(path: String): InputStream
}

/** A bundle is not there, not for a phone, or damaged; the message says what to do. */
class BundleException(
    message: String,
    cause: Throwable? = null,
) : Exception(message, cause)

/** A model file of a bundle: the model, or its float twin. */
class Variant(
    val file: String,
    val precision: String,
    val part: String,
    val sha256: String,
    val sizeBytes: Long,
    val input: Tensor,
    val output: Tensor,
)

/** A bundle whose manifest and golden sample fit together; size, classes and quantization come from here alone. */
class ModelBundle(
    val manifest: Manifest,
    val golden: Golden,
) {
    val labels: List<String> = manifest.spec.labels.names
    val preprocess: Preprocess = manifest.spec.preprocess.toPreprocess()
    val input: Tensor = only("input", manifest.structure.inputs, listOf(1, preprocess.size, preprocess.size, CHANNELS))
    val output: Tensor = only("output", manifest.structure.outputs, listOf(1, labels.size))
    private val model = Variant(manifest.model, manifest.precision, "model", input, output)
    private val reference = manifest.reference?.let { Variant(it, "fp32", "reference", input.float(), output.float()) }

    init {
        golden.check(this)
    }

    /** The models to choose from: the bundle's own, then its float twin where there is one. */
    fun variants(): List<Variant> = listOfNotNull(model, reference)

    /** Compare each file's size and sha256 with the manifest's: runtimes do not notice flipped bytes. */
    fun verify(files: Files) {
        for ((name, entry) in manifest.files) {
            val (size, sha256) = opened(files, name) { measured(it) }
            if (size != entry.sizeBytes) throw damaged(name, "has $size bytes instead of ${entry.sizeBytes}")
            if (sha256 != entry.sha256) throw damaged(name, "is damaged: its sha256 is not the manifest's")
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
        /** Read manifest and golden sample; [verify] reads the models too, which takes longer. */
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
): BundleException = BundleException("$name $fault; copy the bundle again or export it anew", cause)

/** What [read] makes of a file of the bundle. */
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
        throw damaged(MANIFEST, "cannot be followed (${error.message})", error)
    }

private fun List<Double>.toFloats() = FloatArray(size) { this[it].toFloat() }

/** The one [end] of a model, whose shape must be [shape]. */
private fun only(
    end: String,
    found: List<Manifest.End>,
    shape: List<Int>,
): Tensor {
    val only = found.singleOrNull() ?: throw damaged(MANIFEST, "tells of ${found.size} ${end}s, need one")
    if (only.shape != shape) throw damaged(MANIFEST, "says the $end is ${only.shape}, the spec needs $shape")
    if (only.dtype == TensorType.FLOAT32) return Tensor(only.dtype, shape, null)
    if (only.scale == null || only.scale <= 0 || only.zeroPoint == null) {
        throw damaged(MANIFEST, "gives the $end no scale and zero point")
    }
    return Tensor(only.dtype, shape, Quantization(only.scale.toFloat(), only.zeroPoint))
}

private fun Tensor.float() = Tensor(TensorType.FLOAT32, shape, null)

private const val CHANNELS = 3
private const val BLOCK = 1 shl 16
