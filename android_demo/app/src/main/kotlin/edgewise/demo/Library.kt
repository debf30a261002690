package edgewise.demo

import android.content.Context
import android.net.Uri
import edgewise.core.BundleException
import edgewise.core.unpack
import java.io.File
import java.io.FileNotFoundException

/** The bundles of the app: the one in its assets, and those opened from storage, which are in its own files. */
class Library(
    private val context: Context,
) {
    private val place = File(context.filesDir, "bundles")

    /** Those opened from storage. */
    fun names(): List<String> = place.list { _, name -> !name.startsWith(".") }.orEmpty().sorted()

    /** The files of one of them, or of the assets. */
    fun files(name: String?): ModelFiles =
        when (name) {
            null -> AssetFiles(context.assets)
            in names() -> FolderFiles(File(place, name))
            else -> throw BundleException("this model was removed; choose another one")
        }

    /** Check and keep the bundle in an archive; its name. */
    fun add(archive: Uri): String {
        val stream = context.contentResolver.openInputStream(archive) ?: throw FileNotFoundException("it was removed")
        return unpack(stream.buffered(), place)
    }

    /** Delete one that was opened from storage. */
    fun remove(name: String) {
        if (name in names()) File(place, name).deleteRecursively()
    }
}
