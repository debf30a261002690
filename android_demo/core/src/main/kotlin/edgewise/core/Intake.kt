package edgewise.core

import java.io.Closeable
import java.io.File
import java.io.IOException
import java.io.InputStream
import java.util.zip.ZipInputStream

/** The most that is read of a bundle from storage: it may come from anybody. */
class Bounds(
    val files: Int = 64,
    val bytes: Long = 1L shl 30,
    /** Of a file that is read into memory; models are not. */
    val memoryBytes: Long = 64L shl 20,
)

/** A bundle in a folder; names that lead out of it are refused. */
class Folder(
    private val root: File,
) : Files {
    override fun open(path: String): InputStream = file(path).inputStream()

    /** The file with this name, which need not exist; throws an [IOException] if it cannot be one of a bundle. */
    fun file(path: String): File =
        if (sound(path)) File(root, path) else throw IOException("it has no name of a bundle's file")
}

/**
 * Takes the files of a bundle from storage, one after the other, into a new folder in [parent].
 *
 * Nothing of it is used before [finish] has checked the whole, and nothing is left if it is closed before.
 */
class Intake(
    private val parent: File,
    private val bounds: Bounds = Bounds(),
) : Closeable {
    private val partial = File(parent, PARTIAL)
    private var files = 0
    private var left = bounds.bytes

    init {
        partial.deleteRecursively()
        if (!partial.mkdirs()) throw IOException("${parent.name} cannot be written")
    }

    /**
     * Take a file; [name] is relative to the bundle, or to a folder that holds it.
     *
     * @throws BundleException it cannot belong to a bundle, or there is too much.
     * @throws IOException it cannot be read or stored.
     */
    fun add(
        name: String,
        content: InputStream,
    ) {
        if (!sound(name)) throw refused("it contains '${name.take(SHOWN)}', which is no name for a file")
        if (++files > bounds.files) throw refused("it has more than ${bounds.files} files")
        val file = File(partial, name)
        if (file.exists()) throw refused("it contains '$name' twice")
        file.parentFile?.mkdirs()
        file.outputStream().use { to ->
            val buffer = ByteArray(BLOCK)
            while (true) {
                val count = content.read(buffer)
                if (count < 0) break
                left -= count
                if (left < 0) throw refused("it is larger than ${bounds.bytes shr MEGA} MiB")
                to.write(buffer, 0, count)
            }
        }
    }

    /**
     * Check the bundle by [ModelBundle.read] and its checksums, and give its folder its name.
     *
     * @return the name of the folder in the parent; the one of an earlier time if it is the same bundle.
     */
    fun finish(): String {
        val root = root()
        for (file in root.walk().filter { it.isFile && it.extension != "tflite" }) {
            if (file.length() > bounds.memoryBytes) throw refused("${file.name} is larger than it can be")
        }
        val files = Folder(root)
        val bundle = ModelBundle.read(files).also { it.verify(files) }
        val name = name(bundle)
        val folder = File(parent, name)
        if (!folder.exists() && !root.renameTo(folder)) throw IOException("${folder.name} cannot be written")
        return name
    }

    /** Remove what was not finished. */
    override fun close() {
        partial.deleteRecursively()
    }

    /** The folder with the manifest: the archive of a folder holds that folder. */
    private fun root(): File =
        (
            listOf(
                partial,
            ) + partial.listFiles().orEmpty().filter { it.isDirectory }
        ).firstOrNull { File(it, MANIFEST).isFile }
            ?: throw refused("it contains no $MANIFEST")

    private companion object {
        const val PARTIAL = ".partial"
        const val SHOWN = 80
        const val BLOCK = 1 shl 16
        const val MEGA = 20
    }
}

/**
 * Unpack the bundle in a ZIP archive into a new folder in [parent]; see [Intake].
 *
 * @return the name of the folder.
 * @throws BundleException it holds no bundle that this app can run.
 * @throws IOException it cannot be read, or is no archive.
 */
fun unpack(
    archive: InputStream,
    parent: File,
    bounds: Bounds = Bounds(),
): String =
    Intake(parent, bounds).use { intake ->
        ZipInputStream(archive).use { zip ->
            try {
                generateSequence { zip.nextEntry }.filterNot { it.isDirectory }.forEach { intake.add(it.name, zip) }
            } catch (error: IllegalArgumentException) {
                // a name that is not in UTF-8
                throw refused("its names cannot be read", error)
            }
        }
        intake.finish()
    }

/** Readable, and another one for other files of the same name. */
private fun name(bundle: ModelBundle): String {
    val model = bundle.variants().first()
    val readable =
        bundle.manifest.name
            .replace(Regex("[^\\w-]"), "_")
            .take(MOST)
    return "$readable-${model.precision.replace(Regex("[^\\w-]"), "_").take(MOST)}-${model.sha256.take(DIGITS)}"
}

/** Whether this is the relative path of a visible file, at most two folders deep. */
private fun sound(path: String): Boolean = SOUND.matches(path)

private fun refused(
    fault: String,
    cause: Throwable? = null,
) = BundleException("this is not a bundle that the app can open: $fault; choose the ZIP archive of a bundle", cause)

private val SOUND = Regex("(?:[\\w+-][\\w+. -]{0,127}/){0,2}[\\w+-][\\w+. -]{0,127}")
private const val MOST = 40
private const val DIGITS = 8
