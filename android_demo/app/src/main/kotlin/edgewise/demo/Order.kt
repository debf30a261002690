package edgewise.demo

import android.content.Context
import android.content.Intent
import com.google.ai.edge.litert.Accelerator
import edgewise.core.Sampling
import edgewise.core.toJson
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.io.File
import java.io.IOException

/**
 * A self-test ordered by `edgewise bench --device adb`, see `runtime/devices/_adb_app.py`.
 *
 * The computer fills [FOLDER] in the app's own files with `run-as`, which only works for debuggable builds, and waits
 * for the [answer] there: the records, or the error.
 */
class Order private constructor(
    val plan: Plan,
    private val bundle: String,
    private val answer: String,
) {
    /** The bundle to test. */
    fun files(context: Context): ModelFiles = FolderFiles(File(folder(context), bundle))

    /** Write the answer; it appears complete, because the computer reads it as soon as it exists. */
    fun answer(
        context: Context,
        screen: TestScreen,
    ) {
        val failure = screen.failure
        val text = if (failure == null) toJson(screen.records) else JsonObject(mapOf("error" to JsonPrimitive(failure))).toString()
        val partial = File(folder(context), "$answer.partial")
        partial.writeText(text)
        if (!partial.renameTo(File(folder(context), answer))) throw IOException("$answer cannot be written")
    }

    companion object {
        private const val FOLDER = "bench"
        private val NAME = Regex("[\\w-]+(\\.json)?")

        private fun folder(context: Context) = File(context.filesDir, FOLDER)

        /** The order in an intent; null without one. */
        fun from(intent: Intent): Order? {
            val bundle = intent.getStringExtra("bundle")?.takeIf(NAME::matches) ?: return null
            val answer = intent.getStringExtra("answer")?.takeIf(NAME::matches) ?: return null
            val choice = Choice.from(intent)
            val parts = intent.getStringExtra("parts").orEmpty().split(',').filter(String::isNotEmpty)
            return Order(Plan(choice.accelerator, choice.threads, parts.toSet(), sampling(intent)), bundle, answer)
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
