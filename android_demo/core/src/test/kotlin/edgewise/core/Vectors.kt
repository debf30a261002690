package edgewise.core

import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.Serializable
import kotlinx.serialization.builtins.ListSerializer
import org.junit.jupiter.api.Assumptions.assumeTrue
import java.io.File
import java.nio.ByteBuffer

/** Python's results: the folder written by `tests/android_demo/vectors.py`, and its bundle. */
object Vectors {
    val folder: File get() = named("edgewise.vectors")
    val bundle: ModelBundle get() = ModelBundle.read(files)
    val files: Files get() = named("edgewise.bundle").let { folder -> Files { File(folder, it).inputStream() } }

    /** The folder for files that Python reads afterwards. */
    val written: File get() = named("edgewise.written")

    val cases: List<Case> get() = read("cases", ListSerializer(Case.serializer()))
    val numbers: Numbers get() = read("numbers", Numbers.serializer())
    val golden: List<Judged> get() = read("golden", ListSerializer(Judged.serializer()))
    val records: List<LatencyRecord> get() = read("records", ListSerializer(LatencyRecord.serializer()))
    val phone: Conditions get() = read("phone", Conditions.serializer())

    private fun named(property: String): File {
        val path = System.getProperty(property)
        assumeTrue(path != null, "needs -D$property, which tests/android_demo/test_core.py sets")
        return File(path)
    }

    private fun <T> read(
        name: String,
        content: DeserializationStrategy<T>,
    ): T = FORMAT.decodeFromString(content, File(folder, "$name.json").readText())
}

/** A picture and its preprocessing. */
@Serializable
class Case(
    val name: String,
    val width: Int,
    val height: Int,
    val orientation: Int,
    val preprocess: Manifest.Preparation,
    val file: String,
    val quantization: Map<TensorType, Steps>,
) {
    /** Scale and zero point. */
    @Serializable
    class Steps(
        val scale: Double,
        val zeroPoint: Int,
    )

    /** As stored, before EXIF orientation is applied. */
    val picture: Picture
        get() {
            val bytes = ByteBuffer.wrap(File(Vectors.folder, "$name.argb").readBytes()).asIntBuffer()
            return Picture(width, height, IntArray(bytes.remaining()).also { bytes.get(it) })
        }

    fun bytes(kind: String): ByteArray = File(Vectors.folder, "$name.$kind").readBytes()
}

/** Logits with their probabilities, and times with their summaries. */
@Serializable
class Numbers(
    val answers: List<Answer>,
    val latencies: List<Latency>,
) {
    /** The indices of the top five. */
    @Serializable
    class Answer(
        val logits: List<Double>,
        val probabilities: List<Double>,
        val top: List<Int>,
    )

    /** Milliseconds. */
    @Serializable
    class Latency(
        val times: List<Double>,
        val summary: Percentiles,
    )
}

/** A device's output for the golden sample and Python's verdict; there is no distance if it failed. */
@Serializable
class Judged(
    val part: String,
    val output: List<Double>,
    val passed: Boolean,
    val cosine: Double,
    val maxLsb: Double? = null,
    val maxRel: Double? = null,
)

/** A JSON double that was float32 in Python. */
fun List<Double>.floats(): FloatArray = FloatArray(size) { this[it].toFloat() }
