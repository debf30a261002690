package edgewise.demo

import android.content.Intent
import com.google.ai.edge.litert.Accelerator
import edgewise.core.ModelBundle
import edgewise.core.Variant

/**
 * What to run: a bundle's model or its float twin, on CPU with a number of threads, or on the GPU.
 *
 * The [bundle] is one of the [Library], null for that in the assets.
 */
data class Choice(
    val part: String = MODEL,
    val accelerator: Accelerator = Accelerator.CPU,
    val threads: Int = 1, // the default of `edgewise bench`, so that figures are comparable
    val bundle: String? = null,
) {
    /** The model file; the model itself if the bundle has no twin. */
    fun of(bundle: ModelBundle): Variant = bundle.variants().run { firstOrNull { it.part == part } ?: first() }

    /** Pass it to another screen. */
    fun into(intent: Intent): Intent =
        intent
            .putExtra(PART, part)
            .putExtra(ACCELERATOR, accelerator.name)
            .putExtra(THREADS, threads)
            .putExtra(STORED, bundle)

    companion object {
        const val MODEL = "model"
        const val REFERENCE = "reference"

        /** Those to choose from, up to the number of fast cores in most phones. */
        val threads = listOf(1, 2, 4)
        private const val PART = "part"
        private const val ACCELERATOR = "accelerator"
        private const val THREADS = "threads"
        private const val STORED = "stored"

        /** The inverse of [into]; unknown values are those of the default. */
        fun from(intent: Intent): Choice =
            Choice(
                intent.getStringExtra(PART) ?: MODEL,
                Accelerator.entries.firstOrNull { it.name == intent.getStringExtra(ACCELERATOR) } ?: Accelerator.CPU,
                intent.getIntExtra(THREADS, 1).coerceAtLeast(1),
                intent.getStringExtra(STORED),
            )
    }
}
