package edgewise.demo

import android.content.res.AssetManager
import edgewise.core.Files
import edgewise.core.ModelBundle
import java.io.InputStream

/** The bundle in the APK's assets, as written by `edgewise android`. */
class AssetFiles(
    val assets: AssetManager,
) : Files {
    override fun open(path: String): InputStream = assets.open(asset(path))

    /** The asset name of a bundle file. */
    fun asset(path: String): String = "edgewise/$path"

    /** The bundle's manifest and golden sample. */
    fun bundle(): ModelBundle = ModelBundle.read(this)
}
