package edgewise.demo

import android.app.Activity
import android.view.View
import android.widget.RadioButton
import android.widget.RadioGroup
import com.google.ai.edge.litert.Accelerator
import edgewise.core.ModelBundle
import edgewise.core.Variant

/** The switches: INT8 or float, CPU or GPU, and the number of threads, see `res/layout/choices.xml`. */
class ChoiceButtons(
    private val activity: Activity,
    private val changed: (Choice) -> Unit,
) {
    private val parts =
        Group(R.id.parts, mapOf(Choice.MODEL to R.id.part_model, Choice.REFERENCE to R.id.part_reference))
    private val accelerators =
        Group(
            R.id.accelerators,
            mapOf(Accelerator.CPU to R.id.accelerator_cpu, Accelerator.GPU to R.id.accelerator_gpu),
        )
    private val threads =
        Group(R.id.threads, Choice.threads.zip(listOf(R.id.threads_1, R.id.threads_2, R.id.threads_4)).toMap())
    private var shown: Choice? = null

    /** Show the choice and the sizes of the model files; disabled while something is running. */
    fun show(
        choice: Choice,
        bundle: ModelBundle?,
        locked: Boolean,
    ) {
        shown = null // the following changes are not made by the user
        parts.check(choice.part)
        accelerators.check(choice.accelerator)
        threads.check(choice.threads)
        shown = choice
        for ((part, button) in parts.buttons) {
            val variant = bundle?.variants()?.firstOrNull { it.part == part }
            button.visibility = if (variant == null) View.GONE else View.VISIBLE
            if (variant != null) button.text = title(variant)
        }
        parts.enable(!locked)
        accelerators.enable(!locked)
        threads.enable(!locked && choice.accelerator == Accelerator.CPU)
    }

    /** Hide the choice of the model, where all are run. */
    fun hideParts() = parts.hide()

    private fun title(variant: Variant): String {
        val megabytes = variant.sizeBytes / MEGABYTE
        return activity.getString(R.string.variant, variant.precision.uppercase(), megabytes)
    }

    private fun tell() {
        val before = shown ?: return
        val now =
            before.copy(
                part = parts.checked() ?: before.part,
                accelerator = accelerators.checked() ?: before.accelerator,
                threads = threads.checked() ?: before.threads,
            )
        if (now != before) changed(now)
    }

    /** Radio buttons, each for a value; none is checked for a value without a button. */
    private inner class Group<T>(
        id: Int,
        buttons: Map<T, Int>,
    ) {
        private val group: RadioGroup = activity.findViewById(id)
        val buttons = buttons.mapValues { activity.findViewById<RadioButton>(it.value) }

        init {
            group.setOnCheckedChangeListener { _, _ -> tell() }
        }

        fun check(value: T) = buttons[value]?.let { group.check(it.id) } ?: group.clearCheck()

        fun checked(): T? = buttons.entries.firstOrNull { it.value.id == group.checkedRadioButtonId }?.key

        fun enable(enabled: Boolean) = buttons.values.forEach { it.isEnabled = enabled }

        fun hide() {
            group.visibility = View.GONE
        }
    }

    private companion object {
        const val MEGABYTE = 1e6
    }
}
