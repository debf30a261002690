package edgewise.demo

import android.content.Intent
import com.google.ai.edge.litert.Accelerator
import edgewise.core.ModelBundle
import edgewise.core.Variant

/** What to run: the bundle's model or its float twin, on CPU with a number of threads, or on the GPU. */
data class Choice(
    val part: String = MODEL,
    val accelerator: Accelerator = Accelerator.CPU,
    val threads: Int = 1, // the default of `edgewise bench`, so that figures are comparable
) {
    /** The model file; the model itself if the bundle has no twin. */
    fun of(bundle: ModelBundle): Variant = bundle.variants().run { firstOrNull { it.part == part } ?: first() }

    /** Pass it to another screen. */
    fun into(intent: Intent): Intent =
        intent
            .putExtra(PART, part)
            .putExtra(ACCELERATOR, accelerator.name)
            .putExtra(THREADS, threads)

    companion object {
        const val MODEL = "model"
        const val REFERENCE = "reference"

        /** Those to choose from, up to the number of fast cores in most phones. */
        val threads = listOf(1, 2, 4)
        private const val PART = "part"
        private const val ACCELERATOR = "accelerator"
        private const val THREADS = "threads"

        /** The inverse of [into]; unknown values are those of the default. */
        fun from(intent: Intent): Choice =
            Choice(
                intent.getStringExtra(PART) ?: MODEL,
                Accelerator.entries.firstOrNull { it.name == intent.getStringExtra(ACCELERATOR) } ?: Accelerator.CPU,
                intent.getIntExtra(THREADS, 1).coerceAtLeast(1),
            )
    }
}
