package edgewise.demo

import android.content.Intent
import com.google.ai.edge.litert.Accelerator
import edgewise.core.ModelBundle
import edgewise.core.Variant

/** What to run: the bundle's model or its float twin, on CPU or GPU. */
data class Choice(
    val part: String = MODEL,
    val accelerator: Accelerator = Accelerator.CPU,
) {
    /** The model file; the model itself if the bundle has no twin. */
    fun of(bundle: ModelBundle): Variant = bundle.variants().run { firstOrNull { it.part == part } ?: first() }

    /** Pass it to another screen. */
    fun into(intent: Intent): Intent = intent.putExtra(PART, part).putExtra(ACCELERATOR, accelerator.name)

    companion object {
        const val MODEL = "model"
        const val REFERENCE = "reference"
        private const val PART = "part"
        private const val ACCELERATOR = "accelerator"

        /** The inverse of [into]. */
        fun from(intent: Intent): Choice =
            Choice(
                intent.getStringExtra(PART) ?: MODEL,
                intent.getStringExtra(ACCELERATOR)?.let(Accelerator::valueOf) ?: Accelerator.CPU,
            )
    }
}
