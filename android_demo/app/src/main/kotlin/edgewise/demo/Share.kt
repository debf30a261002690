package edgewise.demo

import android.app.Activity
import android.content.ClipData
import android.content.Intent
import androidx.core.content.FileProvider
import edgewise.core.LatencyRecord
import java.io.File

/** Share a record as a file: thousands of samples are too long for an intent's text. */
fun share(
    activity: Activity,
    record: LatencyRecord,
) {
    val folder = File(activity.cacheDir, "records").apply { mkdirs() }
    val file = File(folder, "edgewise-${record.id}.json").apply { writeText(record.toJson()) }
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
