package edgewise.demo

import android.graphics.Bitmap
import edgewise.core.ModelBundle
import edgewise.core.Prediction

/** The state of the camera screen. */
data class Screen(
    val choice: Choice = Choice(),
    val bundle: ModelBundle? = null,
    val state: State = State.Loading,
    val notice: Notice? = null,
    val best: List<Prediction> = emptyList(),
    val latency: Latency? = null,
    val frame: Frame? = null,
    val still: Still? = null,
    val front: Boolean = false,
    val stored: List<String> = emptyList(),
) {
    /** With another choice; what is known of a bundle is not true of another one. */
    fun with(choice: Choice): Screen =
        without(State.Loading).copy(
            choice = choice,
            bundle = bundle.takeIf { choice.bundle == this.choice.bundle },
            notice = notice as? Notice.Sampled,
        )

    /** Without the predictions and times of the previous model. */
    fun without(state: State): Screen = copy(state = state, best = emptyList(), latency = null)

    /** What does not change from frame to frame: views for it are only set when it does. */
    fun fixed(): Screen = copy(best = emptyList(), latency = null)
}

/** The state of the model. */
sealed interface State {
    data object Loading : State

    data object Ready : State

    /** It cannot run; the message says why and what to do. */
    data class Failed(
        val message: String,
    ) : State
}

/** A notice that does not stop the app. */
sealed interface Notice {
    /** The GPU cannot run the model, so the CPU is used. */
    data class NoGpu(
        val reason: String,
    ) : Notice

    /** A picture could not be read. */
    data class NoPicture(
        val reason: String,
    ) : Notice

    /** A bundle from storage could not be opened. */
    data class NoBundle(
        val reason: String,
    ) : Notice

    /** The camera does not start. */
    data class NoCamera(
        val reason: String,
    ) : Notice

    /** Only every [factor]th pixel of a picture was read. */
    data class Sampled(
        val factor: Int,
    ) : Notice
}

/** The size of the upright frame in pixels. */
data class Frame(
    val width: Int,
    val height: Int,
)

/** A picture from the gallery, or a frozen one of the camera, as the model sees it. */
class Still(
    val cut: Bitmap,
)
