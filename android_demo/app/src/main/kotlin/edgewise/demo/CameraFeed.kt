package edgewise.demo

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

    /** Start the camera; on failure [failed] is called with the reason on the main thread. */
    fun start(
        executor: Executor,
        analyzer: ImageAnalysis.Analyzer,
        failed: (String) -> Unit,
    ) {
        if (wanted) return
        wanted = true
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
        wanted = false
        provider?.unbindAll()
    }

    private fun bind(
        provider: ProcessCameraProvider,
        executor: Executor,
        analyzer: ImageAnalysis.Analyzer,
        failed: (String) -> Unit,
    ) {
        val selector = cameras.firstOrNull { has(provider, it) } ?: return failed("this device has no camera")
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
        val cameras = listOf(CameraSelector.DEFAULT_BACK_CAMERA, CameraSelector.DEFAULT_FRONT_CAMERA)

        /** The same for both, so that the view shows what the model receives. */
        val shape: ResolutionSelector =
            ResolutionSelector
                .Builder()
                .setAspectRatioStrategy(AspectRatioStrategy.RATIO_4_3_FALLBACK_AUTO_STRATEGY)
                .build()
    }
}
