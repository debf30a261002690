package edgewise.demo

import android.app.Activity
import android.view.View
import android.widget.RadioButton
import android.widget.RadioGroup
import com.google.ai.edge.litert.Accelerator
import edgewise.core.ModelBundle
import edgewise.core.Variant

/** The two switches, INT8 or float and CPU or GPU, see `res/layout/choices.xml`. */
class ChoiceButtons(
    private val activity: Activity,
    private val changed: (Choice) -> Unit,
) {
    private val parts: RadioGroup = activity.findViewById(R.id.parts)
    private val accelerators: RadioGroup = activity.findViewById(R.id.accelerators)
    private val ofPart =
        mapOf(Choice.MODEL to R.id.part_model, Choice.REFERENCE to R.id.part_reference)
    private val ofAccelerator =
        mapOf(Accelerator.CPU to R.id.accelerator_cpu, Accelerator.GPU to R.id.accelerator_gpu)
    private var shown: Choice? = null

    init {
        parts.setOnCheckedChangeListener { _, _ -> tell() }
        accelerators.setOnCheckedChangeListener { _, _ -> tell() }
    }

    /** Show the choice and the sizes of the model files; disabled while something is running. */
    fun show(
        choice: Choice,
        bundle: ModelBundle?,
        locked: Boolean,
    ) {
        shown = null // the following changes are not made by the user
        parts.check(ofPart.getValue(choice.part))
        accelerators.check(ofAccelerator.getValue(choice.accelerator))
        shown = choice
        for ((part, id) in ofPart) {
            val variant = bundle?.variants()?.firstOrNull { it.part == part }
            button(id).visibility = if (variant == null) View.GONE else View.VISIBLE
            if (variant != null) button(id).text = title(variant)
        }
        (ofPart + ofAccelerator).values.forEach { button(it).isEnabled = !locked }
    }

    private fun title(variant: Variant): String {
        val megabytes = variant.sizeBytes / MEGABYTE
        return activity.getString(R.string.variant, variant.precision.uppercase(), megabytes)
    }

    private fun tell() {
        val before = shown ?: return
        val part = ofPart.entries.first { it.value == parts.checkedRadioButtonId }.key
        val accelerator = ofAccelerator.entries.first { it.value == accelerators.checkedRadioButtonId }.key
        val now = Choice(part, accelerator)
        if (now != before) changed(now)
    }

    private fun button(id: Int): RadioButton = activity.findViewById(id)

    private companion object {
        const val MEGABYTE = 1e6
    }
}
