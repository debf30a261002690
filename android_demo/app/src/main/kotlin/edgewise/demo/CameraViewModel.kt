package edgewise.demo

import android.app.Application
import android.net.Uri
import androidx.camera.core.ImageProxy
import androidx.lifecycle.AndroidViewModel
import com.google.ai.edge.litert.Accelerator
import edgewise.core.BundleException
import edgewise.core.ModelBundle
import edgewise.core.Picture
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import java.io.FileNotFoundException
import java.io.IOException

/** The view model of the camera screen: it survives rotations, and uses the runtime on the [Worker]. */
class CameraViewModel(
    application: Application,
) : AndroidViewModel(application) {
    /** Whether the user has refused the camera since the screen was opened. */
    var refused = false

    private val mutable = MutableStateFlow(Screen())
    val screen: StateFlow<Screen> = mutable.asStateFlow()

    // Only used on the worker thread.
    private val owner = Worker.Owner { close() }
    private val library = Library(application)
    private val frames = Frames()
    private var recogniser: Recogniser? = null
    private var picture: Picture? = null

    @Volatile private var cleared = false

    @Volatile private var freezing = false

    init {
        choose(Choice())
    }

    /** Use another model or accelerator. */
    fun choose(choice: Choice) {
        mutable.update { it.with(choice) }
        Worker.execute { open(choice) }
    }

    /** Use the bundle in an archive from storage, which may be anything. */
    fun add(archive: Uri) =
        Worker.execute {
            reading({ Notice.NoBundle(it) }) {
                val name = library.add(archive)
                choose(mutable.value.choice.copy(part = Choice.MODEL, bundle = name))
            }
        }

    /** Delete a bundle that was opened from storage. */
    fun remove(bundle: String) =
        Worker.execute {
            library.remove(bundle)
            choose(mutable.value.choice.copy(bundle = null))
        }

    /** Use the camera on the other side. */
    fun turn() = mutable.update { it.copy(front = !it.front, frame = null) }

    /** Keep the camera's next picture. */
    fun freeze() {
        freezing = true
    }

    /** Return to the camera. */
    fun live() {
        freezing = false
        mutable.update { it.copy(still = null, notice = null, best = emptyList()) }
        Worker.execute { picture = null }
    }

    /** Classify a picture from the gallery instead of the camera. */
    fun show(uri: Uri) = Worker.execute { read(uri) }

    /** Report why there is no camera. */
    fun noCamera(reason: String) = mutable.update { it.copy(notice = Notice.NoCamera(reason)) }

    /** Classify a frame and close it; called on the worker thread. */
    fun classify(image: ImageProxy) =
        image.use { frame ->
            val ready = ready()
            if (ready != null && mutable.value.still == null) {
                running { if (freezing) freeze(ready, frame) else answer(ready) { upright(frame) } }
            }
        }

    override fun onCleared() {
        cleared = true
        Worker.execute { close() }
    }

    /** The open model; the self-test closes it, and then it is opened again for the next picture. */
    private fun ready(): Recogniser? {
        if (recogniser == null && mutable.value.state is State.Ready && !cleared) open(mutable.value.choice)
        return recogniser
    }

    private fun open(choice: Choice) {
        close()
        Worker.take(owner)
        mutable.update { it.copy(stored = library.names()) }
        if (choice != mutable.value.choice) return // a newer choice is queued
        running {
            val files = library.files(choice.bundle)
            val bundle = mutable.value.bundle ?: files.bundle()
            val made = Recogniser(bundle, opened(files, bundle, choice))
            recogniser = made
            mutable.update { it.copy(bundle = bundle, state = State.Ready) }
            picture?.let { classify(made, it) }
        }
    }

    /** Fall back to the CPU if the GPU does not support the model, with a notice on the screen. */
    private fun opened(
        files: ModelFiles,
        bundle: ModelBundle,
        choice: Choice,
    ): Classifier =
        try {
            Classifier.open(files, choice.of(bundle), choice.accelerator, choice.threads)
        } catch (error: EngineException) {
            if (choice.accelerator == Accelerator.CPU) throw error
            val instead = choice.copy(accelerator = Accelerator.CPU)
            val notice = Notice.NoGpu(error.reason)
            mutable.update { if (it.choice == choice) it.copy(choice = instead, notice = notice) else it }
            Classifier.open(files, instead.of(bundle), instead.accelerator, instead.threads)
        }

    private fun read(uri: Uri) {
        val resolver = getApplication<Application>().contentResolver
        reading({ Notice.NoPicture(it) }) {
            val decoded = decode { resolver.openInputStream(uri) ?: throw FileNotFoundException("it was removed") }
            val notice = if (decoded.sampled > 1) Notice.Sampled(decoded.sampled) else null
            mutable.update { it.copy(notice = notice) }
            val ready = ready()
            picture = decoded.picture // from now on, a model that is opened classifies it
            if (ready != null) classify(ready, decoded.picture)
        }
    }

    /** What cannot be read from storage is said by a [notice]. */
    private fun reading(
        notice: (String) -> Notice,
        work: () -> Unit,
    ) {
        val said = { error: Throwable ->
            mutable.update { it.copy(notice = notice(error.message ?: error.javaClass.simpleName)) }
        }
        try {
            work()
        } catch (error: BundleException) {
            said(error)
        } catch (error: IOException) {
            said(error)
        } catch (error: SecurityException) {
            said(error)
        } catch (error: OutOfMemoryError) {
            said(error)
        }
    }

    /** The frame's pixels are overwritten by the next one, so they are copied. */
    private fun freeze(
        ready: Recogniser,
        frame: ImageProxy,
    ) {
        freezing = false
        val kept = upright(frame).run { Picture(width, height, argb.copyOf()) }
        picture = kept
        classify(ready, kept)
    }

    private fun upright(frame: ImageProxy): Picture = frames.picture(frame).also { seen(it) }

    private fun classify(
        ready: Recogniser,
        picture: Picture,
    ) = running {
        answer(ready) { picture }
        val cut = ready.bundle.preprocess.run { bitmap(ready.cut, height, width) }
        mutable.update { it.copy(still = Still(cut)) }
    }

    private fun seen(picture: Picture) {
        val frame = Frame(picture.width, picture.height)
        if (mutable.value.frame != frame) mutable.update { it.copy(frame = frame) }
    }

    private fun answer(
        ready: Recogniser,
        picture: () -> Picture,
    ) {
        val best = ready.recognise(picture)
        mutable.update { it.copy(best = best, latency = ready.latency()) }
    }

    private fun running(work: () -> Unit) =
        try {
            work()
        } catch (error: BundleException) {
            fail(error)
        } catch (error: EngineException) {
            fail(error)
        }

    private fun fail(error: Exception) {
        close()
        mutable.update { it.without(State.Failed(error.message.orEmpty())) }
    }

    private fun close() {
        recogniser?.close()
        recogniser = null
    }
}
