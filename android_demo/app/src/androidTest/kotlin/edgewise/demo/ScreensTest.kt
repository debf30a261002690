package edgewise.demo

import android.view.View
import android.widget.TextView
import androidx.test.core.app.ActivityScenario
import androidx.test.ext.junit.runners.AndroidJUnit4
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** Both screens open without a permission, with or without a bundle in the assets, and survive a rotation. */
@RunWith(AndroidJUnit4::class)
class ScreensTest {
    @Test
    fun theCameraScreenAsksForItsPermission() {
        ActivityScenario.launch(MainActivity::class.java).use { scenario ->
            scenario.onActivity { assertEquals(View.VISIBLE, it.findViewById<View>(R.id.permission).visibility) }
            scenario.recreate()
            scenario.onActivity { assertEquals(View.VISIBLE, it.findViewById<View>(R.id.permission).visibility) }
        }
    }

    @Test
    fun theSelfTestScreenSaysWhatItDoes() {
        ActivityScenario.launch(SelfTestActivity::class.java).use { scenario ->
            scenario.recreate()
            scenario.onActivity { assertTrue(it.findViewById<TextView>(R.id.verdict).text.isNotEmpty()) }
        }
    }
}
