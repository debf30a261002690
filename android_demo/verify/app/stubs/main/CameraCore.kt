// A stub for the type check: signatures only, source: androidx/androidx, camera/camera-core/api/1.7.0-rc01.txt

package androidx.camera.core

import androidx.camera.core.resolutionselector.ResolutionSelector
import java.nio.ByteBuffer
import java.util.concurrent.Executor

interface Camera

class CameraSelector private constructor() {
    companion object {
        @JvmField val DEFAULT_BACK_CAMERA: CameraSelector = TODO()

        @JvmField val DEFAULT_FRONT_CAMERA: CameraSelector = TODO()
    }
}

interface ImageInfo {
    val rotationDegrees: Int
}

interface ImageProxy : AutoCloseable {
    val width: Int
    val height: Int
    val imageInfo: ImageInfo
    val planes: Array<PlaneProxy>

    interface PlaneProxy {
        val buffer: ByteBuffer
        val pixelStride: Int
        val rowStride: Int
    }
}

abstract class UseCase internal constructor()

class Preview private constructor() : UseCase() {
    var targetRotation: Int
        get() = TODO()
        set(rotation) = TODO()

    fun setSurfaceProvider(surfaceProvider: SurfaceProvider?): Unit = TODO()

    interface SurfaceProvider

    class Builder {
        fun setResolutionSelector(selector: ResolutionSelector): Builder = TODO()

        fun build(): Preview = TODO()
    }
}

class ImageAnalysis private constructor() : UseCase() {
    var targetRotation: Int
        get() = TODO()
        set(rotation) = TODO()

    fun setAnalyzer(
        executor: Executor,
        analyzer: Analyzer,
    ): Unit = TODO()

    fun interface Analyzer {
        fun analyze(image: ImageProxy)
    }

    class Builder {
        fun setResolutionSelector(selector: ResolutionSelector): Builder = TODO()

        fun setOutputImageFormat(format: Int): Builder = TODO()

        fun setBackpressureStrategy(strategy: Int): Builder = TODO()

        fun build(): ImageAnalysis = TODO()
    }

    companion object {
        const val OUTPUT_IMAGE_FORMAT_RGBA_8888 = 2
        const val STRATEGY_KEEP_ONLY_LATEST = 0
    }
}
