package edgewise.demo

import android.graphics.Bitmap
import edgewise.core.ModelBundle
import edgewise.core.Prediction

/** What the camera's screen shows. */
data class Screen(
    val choice: Choice = Choice(),
    val bundle: ModelBundle? = null,
    val state: State = State.Loading,
    val notice: Notice? = null,
    val best: List<Prediction> = emptyList(),
    val latency: Latency? = null,
    val frame: Frame? = null,
    val still: Still? = null,
) {
    /** Another model's answers and times would only mislead. */
    fun without(state: State): Screen = copy(state = state, best = emptyList(), latency = null)
}

/** How far the model is. */
sealed interface State {
    data object Loading : State

    data object Ready : State

    /** It cannot run; the text says why and what to do. */
    data class Failed(
        val message: String,
    ) : State
}

/** What the user must know though all goes on. */
sealed interface Notice {
    /** The GPU does not run the model, the CPU does instead. */
    data class NoGpu(
        val reason: String,
    ) : Notice

    /** A picture could not be read. */
    data class NoPicture(
        val reason: String,
    ) : Notice

    /** The camera does not start. */
    data class NoCamera(
        val reason: String,
    ) : Notice

    /** A picture was read with every [factor]th pixel only. */
    data class Sampled(
        val factor: Int,
    ) : Notice
}

/** The upright frame's sides in pixels. */
data class Frame(
    val width: Int,
    val height: Int,
)

/** A picture from the gallery, as the model sees it. */
class Still(
    val cut: Bitmap,
)
