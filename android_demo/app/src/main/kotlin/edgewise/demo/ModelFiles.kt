package edgewise.demo

import android.content.res.AssetManager
import com.google.ai.edge.litert.CompiledModel
import edgewise.core.Files
import edgewise.core.Folder
import edgewise.core.ModelBundle
import java.io.File
import java.io.InputStream

/** A bundle's files, from which LiteRT maps a model into memory by itself. */
interface ModelFiles : Files {
    /** Compile the model in a file of the bundle. */
    fun compile(
        file: String,
        options: CompiledModel.Options,
    ): CompiledModel

    /** The bundle's manifest and golden sample. */
    fun bundle(): ModelBundle = ModelBundle.read(this)
}

/** The bundle in the APK's assets, as written by `edgewise android`. */
class AssetFiles(
    private val assets: AssetManager,
) : ModelFiles {
    override fun open(path: String): InputStream = assets.open(asset(path))

    override fun compile(
        file: String,
        options: CompiledModel.Options,
    ): CompiledModel = CompiledModel.create(assets, asset(file), options)

    private fun asset(path: String): String = "edgewise/$path"
}

/** A bundle in a folder, as copied by `edgewise bench --device adb` or opened from storage. */
class FolderFiles(
    root: File,
) : ModelFiles {
    private val folder = Folder(root)

    override fun open(path: String): InputStream = folder.open(path)

    override fun compile(
        file: String,
        options: CompiledModel.Options,
    ): CompiledModel = CompiledModel.create(folder.file(file).path, options)
}
