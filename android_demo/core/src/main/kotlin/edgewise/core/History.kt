package edgewise.core

import kotlinx.serialization.SerializationException
import kotlinx.serialization.decodeFromString
import java.io.File
import java.io.IOException

/** The records of one self-test, and the name of their file. */
class Entry(
    val name: String,
    val records: List<LatencyRecord>,
)

/** The records of earlier self-tests, each in a file of [folder] that `edgewise results --add` reads. */
class History(
    private val folder: File,
    private val most: Int = 100,
) {
    /** All that can be read, newest first. */
    fun entries(): List<Entry> =
        files()
            .mapNotNull { file ->
                val records = read(file)
                if (records.isNullOrEmpty()) null else Entry(file.name, records)
            }.sortedByDescending { it.records.first().started }

    /** The file of an entry. */
    fun file(name: String): File =
        files().firstOrNull { it.name == name } ?: throw IOException("the record was deleted")

    /** Keep the records of a run; the oldest ones go when there are too many. */
    fun add(records: List<LatencyRecord>) {
        if (records.isEmpty()) return
        if (!folder.isDirectory && !folder.mkdirs()) throw IOException("${folder.name} cannot be written")
        val partial = File(folder, "partial")
        partial.writeText(toJson(records))
        if (!partial.renameTo(
                File(folder, "${records.first().run}.json"),
            )
        ) {
            throw IOException("the record cannot be kept")
        }
        entries().drop(most).forEach { remove(it.name) }
    }

    /** Delete an entry. */
    fun remove(name: String) {
        files().firstOrNull { it.name == name }?.delete()
    }

    private fun files(): List<File> = folder.listFiles { file -> file.extension == "json" }.orEmpty().toList()

    private fun read(file: File): List<LatencyRecord>? =
        try {
            FORMAT.decodeFromString<Map<String, List<LatencyRecord>>>(file.readText())["records"]
        } catch (_: SerializationException) {
            null
        } catch (_: IOException) {
            null
        }
}
