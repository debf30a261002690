package edgewise.demo

import android.Manifest
import android.content.pm.PackageManager
import android.view.View
import android.widget.TextView
import androidx.test.core.app.ActivityScenario
import androidx.test.ext.junit.runners.AndroidJUnit4
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** Both screens open with or without the permission, with or without a bundle in the assets, and survive a rotation. */
@RunWith(AndroidJUnit4::class)
class ScreensTest {
    /** An earlier test may have granted the permission, and Android ends the process of an app that loses it. */
    @Test
    fun theCameraScreenShowsTheCameraOrAsksForItsPermission() {
        ActivityScenario.launch(MainActivity::class.java).use { scenario ->
            scenario.onActivity(::assertCameraOrPermission)
            scenario.recreate()
            scenario.onActivity(::assertCameraOrPermission)
        }
    }

    @Test
    fun theSelfTestScreenSaysWhatItDoes() {
        ActivityScenario.launch(SelfTestActivity::class.java).use { scenario ->
            scenario.recreate()
            scenario.onActivity { assertTrue(it.findViewById<TextView>(R.id.verdict).text.isNotEmpty()) }
        }
    }

    private fun assertCameraOrPermission(activity: MainActivity) {
        val granted = activity.checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED
        val (asked, camera) = if (granted) View.GONE to View.VISIBLE else View.VISIBLE to View.GONE
        assertEquals(asked, activity.findViewById<View>(R.id.permission).visibility)
        assertEquals(camera, activity.findViewById<View>(R.id.preview).visibility)
    }
}
