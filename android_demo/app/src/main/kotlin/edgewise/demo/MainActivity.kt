package edgewise.demo

import android.Manifest
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.os.Bundle
import android.provider.Settings
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.activity.viewModels
import androidx.camera.view.PreviewView
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.lifecycleScope
import androidx.lifecycle.repeatOnLifecycle
import kotlinx.coroutines.launch

/** Shows the camera or a picture from the gallery, and the model's predictions for it. */
class MainActivity : ComponentActivity(R.layout.activity_main) {
    private val model: CameraViewModel by viewModels()
    private val permission = registerForActivityResult(ActivityResultContracts.RequestPermission()) { answered(it) }
    private val gallery = registerForActivityResult(ActivityResultContracts.PickVisualMedia()) { it?.let(model::show) }
    private val archive = registerForActivityResult(ActivityResultContracts.OpenDocument()) { it?.let(model::add) }
    private lateinit var feed: CameraFeed
    private lateinit var choices: ChoiceButtons
    private lateinit var answers: AnswerViews
    private val picture: ImageView by lazy { findViewById(R.id.still) }
    private val cut: CutView by lazy { findViewById(R.id.cut) }
    private var shown: Screen? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        drawEdgeToEdge(findViewById(R.id.content))
        val preview: PreviewView = findViewById(R.id.preview)
        preview.scaleType = PreviewView.ScaleType.FIT_CENTER
        feed = CameraFeed(this, preview)
        choices = ChoiceButtons(this, model::choose)
        answers = AnswerViews(this)
        listen()
        lifecycleScope.launch {
            repeatOnLifecycle(Lifecycle.State.STARTED) { model.screen.collect(::show) }
        }
    }

    /** The camera and its permission may have changed while the screen was away. */
    override fun onStart() {
        super.onStart()
        shown = null
    }

    override fun onStop() {
        super.onStop()
        feed.stop()
    }

    private fun listen() {
        click(R.id.allow) { allow() }
        click(R.id.live) { model.live() }
        click(R.id.freeze) { model.freeze() }
        click(R.id.turn) { model.turn() }
        click(R.id.bundles) { showBundles(this, model.screen.value, bundles) }
        click(R.id.gallery) {
            val images = ActivityResultContracts.PickVisualMedia.ImageOnly
            gallery.launch(PickVisualMediaRequest.Builder().setMediaType(images).build())
        }
        click(R.id.self_test) {
            startActivity(model.screen.value.choice.into(Intent(this, SelfTestActivity::class.java)))
        }
    }

    private val bundles =
        object : BundleActions {
            override fun choose(bundle: String?) = model.choose(model.screen.value.choice.copy(bundle = bundle))

            override fun open() = archive.launch(ARCHIVES)

            override fun remove(bundle: String) = model.remove(bundle)
        }

    private fun click(
        id: Int,
        action: () -> Unit,
    ) = findViewById<Button>(id).setOnClickListener { action() }

    /** Every frame changes the answers; the rest is set when it changes. */
    private fun show(screen: Screen) {
        val fixed = screen.fixed()
        if (fixed != shown) controls(fixed)
        shown = fixed
        answers.show(screen)
    }

    private fun controls(screen: Screen) {
        val still = screen.still
        val granted = granted()
        visible(R.id.permission, still == null && !granted)
        visible(R.id.preview, still == null && granted)
        visible(R.id.cut, still == null && granted)
        visible(R.id.still, still != null)
        visible(R.id.live, still != null)
        visible(R.id.freeze, still == null && granted)
        visible(R.id.turn, still == null && granted)
        findViewById<Button>(R.id.turn).setText(if (screen.front) R.string.back else R.string.front)
        picture.setImageBitmap(still?.cut)
        cut.show(screen.frame, screen.bundle?.preprocess)
        findViewById<TextView>(R.id.permission_text).setText(if (model.refused) R.string.refused else R.string.rationale)
        findViewById<Button>(R.id.allow).setText(if (forever()) R.string.settings else R.string.allow)
        choices.show(screen.choice, screen.bundle, locked = false)
        if (still == null && granted) feed.start(screen.front, Worker, model::classify, model::noCamera) else feed.stop()
    }

    private fun visible(
        id: Int,
        shown: Boolean,
    ) {
        findViewById<View>(id).visibility = if (shown) View.VISIBLE else View.GONE
    }

    private fun granted() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    /** Android no longer shows the permission dialog; only its settings can grant it. */
    private fun forever() = model.refused && !shouldShowRequestPermissionRationale(Manifest.permission.CAMERA)

    private fun allow() {
        if (!forever()) return permission.launch(Manifest.permission.CAMERA)
        val app = Uri.fromParts("package", packageName, null)
        startActivity(Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, app))
    }

    private fun answered(granted: Boolean) {
        model.refused = !granted
        controls(model.screen.value.fixed())
    }

    private companion object {
        /** Providers of documents name ZIP archives differently. */
        val ARCHIVES = arrayOf("application/zip", "application/x-zip-compressed", "application/octet-stream")
    }
}
