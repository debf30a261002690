package edgewise.demo

import android.app.Activity
import android.app.AlertDialog
import androidx.activity.ComponentActivity
import androidx.lifecycle.lifecycleScope
import edgewise.core.Entry
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.launch

/** What a user can do with the bundles of the app. */
interface BundleActions {
    /** Use this one, null for that in the assets. */
    fun choose(bundle: String?)

    /** Open another one from storage. */
    fun open()

    /** Delete one that was opened from storage. */
    fun remove(bundle: String)
}

/** Show the bundles to choose from; dialogs of the system follow large text and screen readers. */
fun showBundles(
    activity: ComponentActivity,
    screen: Screen,
    actions: BundleActions,
) {
    val bundles = listOf(null) + screen.stored
    val titles = bundles.map { it ?: activity.getString(R.string.built_in) }.toTypedArray()
    val chosen = screen.choice.bundle
    val dialog =
        AlertDialog
            .Builder(activity)
            .setTitle(R.string.bundles)
            .setSingleChoiceItems(titles, bundles.indexOf(chosen)) { shown, place ->
                shown.dismiss()
                actions.choose(bundles[place])
            }.setPositiveButton(R.string.open_bundle) { _, _ -> actions.open() }
            .setNegativeButton(R.string.close, null)
    if (chosen != null) dialog.setNeutralButton(R.string.remove) { _, _ -> actions.remove(chosen) }
    dialog.openIn(activity)
}

/** What a user can do with a record. */
interface RecordActions {
    /** What is in it, in words. */
    fun told(entry: Entry): String

    /** Pass it to another app. */
    fun share(entry: Entry)

    /** Delete it. */
    fun remove(entry: Entry)
}

/** Show the records of earlier self-tests to choose from, then the one that was chosen. */
fun showRecords(
    activity: ComponentActivity,
    entries: List<Entry>,
    actions: RecordActions,
) {
    val titles = entries.map { title(activity, it) }.toTypedArray()
    AlertDialog
        .Builder(activity)
        .setTitle(R.string.history)
        .setItems(titles) { _, place -> showRecord(activity, entries[place], actions) }
        .setNegativeButton(R.string.close, null)
        .openIn(activity)
}

private fun showRecord(
    activity: ComponentActivity,
    entry: Entry,
    actions: RecordActions,
) {
    AlertDialog
        .Builder(activity)
        .setTitle(title(activity, entry))
        .setMessage(actions.told(entry))
        .setPositiveButton(R.string.share) { _, _ -> actions.share(entry) }
        .setNeutralButton(R.string.remove) { _, _ -> actions.remove(entry) }
        .setNegativeButton(R.string.close, null)
        .openIn(activity)
}

/** Show the dialog until the user closes it, or the activity ends, as it does when the phone is turned. */
private fun AlertDialog.Builder.openIn(activity: ComponentActivity) {
    val dialog = show()
    activity.lifecycleScope.launch {
        try {
            awaitCancellation()
        } finally {
            dialog.dismiss()
        }
    }
}

/** The first 16 characters of a time in ISO 8601 are the date and the minute. */
private fun title(
    activity: Activity,
    entry: Entry,
): String {
    val first = entry.records.first()
    val time = first.started.take(MINUTE).replace('T', ' ')
    return activity.getString(R.string.entry, time, first.model.name, first.engine.delegate)
}

private const val MINUTE = 16
