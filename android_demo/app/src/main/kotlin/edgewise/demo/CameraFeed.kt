package edgewise.demo

import android.hardware.display.DisplayManager
import android.os.Handler
import android.os.Looper
import androidx.activity.ComponentActivity
import androidx.camera.core.CameraInfoUnavailableException
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.Preview
import androidx.camera.core.resolutionselector.AspectRatioStrategy
import androidx.camera.core.resolutionselector.ResolutionSelector
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executor

/** Shows the camera uncropped in a view and passes the latest frame to an analyser. */
class CameraFeed(
    private val activity: ComponentActivity,
    private val view: PreviewView,
) {
    private var provider: ProcessCameraProvider? = null
    private var wanted = false
    private var front = false
    private var preview: Preview? = null
    private var analysis: ImageAnalysis? = null

    /** A turn by 180 degrees does not make a new activity, which would bind the camera with the new rotation. */
    private val turns =
        object : DisplayManager.DisplayListener {
            override fun onDisplayChanged(displayId: Int) = turn()

            override fun onDisplayAdded(displayId: Int) = Unit

            override fun onDisplayRemoved(displayId: Int) = Unit
        }

    /** Start the camera on that side, if there is one; on failure [failed] is called on the main thread. */
    fun start(
        front: Boolean,
        executor: Executor,
        analyzer: ImageAnalysis.Analyzer,
        failed: (String) -> Unit,
    ) {
        val turned = front != this.front
        this.front = front
        if (wanted) {
            if (turned) provider?.let { bind(it, executor, analyzer, failed) }
            return
        }
        wanted = true
        displays().registerDisplayListener(turns, Handler(Looper.getMainLooper()))
        val future = ProcessCameraProvider.getInstance(activity)
        val arrived = {
            try {
                provider = future.get()
                if (wanted) bind(future.get(), executor, analyzer, failed)
            } catch (error: ExecutionException) {
                failed(error.cause?.message.orEmpty())
            }
        }
        future.addListener(arrived, ContextCompat.getMainExecutor(activity))
    }

    /** Stop the camera. */
    fun stop() {
        if (wanted) displays().unregisterDisplayListener(turns)
        wanted = false
        provider?.unbindAll()
        preview = null
        analysis = null
    }

    private fun displays(): DisplayManager = activity.getSystemService(DisplayManager::class.java)

    private fun turn() {
        val rotation = view.display?.rotation ?: return
        preview?.targetRotation = rotation
        analysis?.targetRotation = rotation
    }

    private fun bind(
        provider: ProcessCameraProvider,
        executor: Executor,
        analyzer: ImageAnalysis.Analyzer,
        failed: (String) -> Unit,
    ) {
        val sides = if (front) listOf(FRONT, BACK) else listOf(BACK, FRONT)
        val selector = sides.firstOrNull { has(provider, it) } ?: return failed("this device has no camera")
        val preview = Preview.Builder().setResolutionSelector(shape).build()
        preview.setSurfaceProvider(view.surfaceProvider)
        val analysis =
            ImageAnalysis
                .Builder()
                .setResolutionSelector(shape)
                .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
                .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
                .build()
        analysis.setAnalyzer(executor, analyzer)
        provider.unbindAll()
        try {
            provider.bindToLifecycle(activity, selector, preview, analysis)
            this.preview = preview
            this.analysis = analysis
        } catch (error: IllegalArgumentException) {
            failed(error.message.orEmpty())
        }
    }

    private fun has(
        provider: ProcessCameraProvider,
        selector: CameraSelector,
    ): Boolean =
        try {
            provider.hasCamera(selector)
        } catch (_: CameraInfoUnavailableException) {
            false
        }

    private companion object {
        val BACK: CameraSelector = CameraSelector.DEFAULT_BACK_CAMERA
        val FRONT: CameraSelector = CameraSelector.DEFAULT_FRONT_CAMERA

        /** The same for both, so that the view shows what the model receives. */
        val shape: ResolutionSelector =
            ResolutionSelector
                .Builder()
                .setAspectRatioStrategy(AspectRatioStrategy.RATIO_4_3_FALLBACK_AUTO_STRATEGY)
                .build()
    }
}
