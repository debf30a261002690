package edgewise.demo

import android.content.Context
import android.content.Intent
import com.google.ai.edge.litert.Accelerator
import edgewise.core.ModelBundle
import edgewise.core.Npy
import edgewise.core.Sampling
import edgewise.core.toJson
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.io.File
import java.io.IOException

/**
 * A self-test ordered by `edgewise bench --device adb`, or a batch of [pictures] by `edgewise verify --device adb`; see
 * `runtime/devices/_adb_installed.py`.
 *
 * The computer fills [FOLDER] in the app's own files with `run-as`, which only works for debuggable builds, and waits
 * for the [answer] there: the records, the name of the file with the logits, or the error.
 */
class Order private constructor(
    val plan: Plan,
    val pictures: Batch?,
    private val bundle: String,
    private val answer: String,
) {
    /** The bundle to test. */
    fun files(context: Context): ModelFiles = FolderFiles(File(folder(context), bundle))

    /** The files of prepared pictures and of their logits. */
    class Batch(
        val pictures: String,
        val logits: String,
    )

    /**
     * Run the bundle's model on the pictures of [batch], and leave their logits beside them.
     *
     * @throws EngineException the processor cannot run the model.
     */
    fun answerPictures(
        context: Context,
        bundle: ModelBundle,
        batch: Batch,
    ) {
        val files = files(context)
        bundle.verify(files)
        val found = Npy.read(batch.pictures, File(folder(context), batch.pictures).readBytes())
        val size = bundle.input.shape.reduce(Int::times)
        val count = found.values.size / size
        Classifier.open(files, bundle.variants().first(), plan.accelerator, plan.threads).use { model ->
            val rows = List(count) { model.run(found.values.copyOfRange(it * size, (it + 1) * size)) }
            val logits = FloatArray(count * bundle.labels.size)
            rows.forEachIndexed { row, values -> values.copyInto(logits, row * bundle.labels.size) }
            File(folder(context), batch.logits).writeBytes(Npy(listOf(count, bundle.labels.size), logits).bytes())
        }
    }

    /** Write the answer; it appears complete, because the computer reads it as soon as it exists. */
    fun answer(
        context: Context,
        screen: TestScreen,
    ) {
        val failure = screen.failure
        val text =
            when {
                failure != null -> pair("error", failure)
                pictures != null -> pair("logits", pictures.logits)
                else -> toJson(screen.records)
            }
        val partial = File(folder(context), "$answer.partial")
        partial.writeText(text)
        if (!partial.renameTo(File(folder(context), answer))) throw IOException("$answer cannot be written")
    }

    companion object {
        private const val FOLDER = "bench"
        private val NAME = Regex("[\\w-]+(\\.(json|npy))?")

        private fun pair(
            name: String,
            value: String,
        ): String = JsonObject(mapOf(name to JsonPrimitive(value))).toString()

        private fun folder(context: Context) = File(context.filesDir, FOLDER)

        /** The order in an intent; null without one. */
        fun from(intent: Intent): Order? {
            val bundle = intent.getStringExtra("bundle")?.takeIf(NAME::matches) ?: return null
            val answer = intent.getStringExtra("answer")?.takeIf(NAME::matches) ?: return null
            val choice = Choice.from(intent)
            val parts = intent.getStringExtra("parts").orEmpty().split(',').filter(String::isNotEmpty)
            val plan = Plan(choice.accelerator, choice.threads, parts.toSet(), sampling(intent))
            return Order(plan, batch(intent), bundle, answer)
        }

        private fun batch(intent: Intent): Batch? {
            val pictures = intent.getStringExtra("pictures")?.takeIf(NAME::matches) ?: return null
            return Batch(pictures, intent.getStringExtra("logits")?.takeIf(NAME::matches) ?: return null)
        }

        private fun sampling(intent: Intent): Sampling {
            val usual = Sampling()
            return Sampling(
                intent.getIntExtra("warm_ups", usual.warmUps).coerceAtLeast(1),
                intent.getFloatExtra("warm_up_seconds", usual.warmUpSeconds.toFloat()).toDouble().coerceAtLeast(0.0),
                intent.getIntExtra("runs", usual.runs).coerceAtLeast(2),
                intent.getFloatExtra("seconds", usual.seconds.toFloat()).toDouble().coerceAtLeast(0.0),
            )
        }
    }
}
