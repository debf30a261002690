package edgewise.demo

import android.app.Activity
import android.content.ClipData
import android.content.Intent
import androidx.core.content.FileProvider
import edgewise.core.LatencyRecord
import edgewise.core.toJson
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.io.File

/**
 * Share records as a file: thousands of samples are too long for an intent's text.
 *
 * The file is written outside the main thread, which a phone with slow storage would otherwise block.
 */
suspend fun share(
    activity: Activity,
    records: List<LatencyRecord>,
) {
    val folder = File(activity.cacheDir, "records")
    val file = File(folder, "edgewise-${records.first().run}.json")
    withContext(Dispatchers.IO) {
        folder.mkdirs()
        file.writeText(toJson(records))
    }
    val uri = FileProvider.getUriForFile(activity, "${activity.packageName}.records", file)
    val send =
        Intent(Intent.ACTION_SEND)
            .setType("application/json")
            .putExtra(Intent.EXTRA_STREAM, uri)
            .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
    // The clip data lets the chooser show the file and grants it permission to read.
    send.clipData = ClipData.newRawUri(file.name, uri)
    activity.startActivity(Intent.createChooser(send, activity.getString(R.string.share)))
}
