package edgewise.core

import java.io.File
import java.io.IOException
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/** The current time, ISO 8601 in UTC; `java.time` is newer than the oldest supported Android. */
fun now(): String =
    SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSS'+00:00'", Locale.ROOT)
        .apply { timeZone = TimeZone.getTimeZone("UTC") }
        .format(Date())

/** The CPU features that affect speed; null if Linux, below [root], does not list them. */
fun features(root: File = File("/")): List<String>? {
    val lines = text(File(root, "proc/cpuinfo"))?.lineSequence() ?: return null
    val line = lines.firstOrNull { it.startsWith("Features") || it.startsWith("flags") } ?: return null
    val found = line.substringAfter(':').split(' ')
    return FEATURES.filter(found::contains).ifEmpty { null }
}

/**
 * The phone's current state, as far as an app may read /proc and /sys below [root]; Android hides more every year.
 *
 * [thermalStatus] is from `PowerManager`, null if unavailable: any throttling, even light, is reported in `throttled`
 * with the bit that Raspberry Pi uses.
 */
fun conditions(
    root: File = File("/"),
    thermalStatus: Int? = null,
): Conditions =
    Conditions(
        at = now(),
        governors = byCore(root, "scaling_governor") { it ?: "" },
        frequenciesMhz = byCore(root, "scaling_cur_freq") { (it?.toLongOrNull() ?: 0) / 1000.0 },
        temperaturesC = temperatures(root),
        throttled = thermalStatus?.let { if (it > 0) THROTTLED else 0 },
        load = text(File(root, "proc/loadavg"))?.substringBefore(' ')?.toDoubleOrNull(),
    )

/** A cpufreq file of each core; null if no core has it. */
private fun <T> byCore(
    root: File,
    name: String,
    read: (String?) -> T,
): List<T>? {
    val folders = File(root, "sys/devices/system/cpu").listFiles { file -> CORE.matches(file.name) }.orEmpty()
    val cores = folders.sortedBy { it.name.removePrefix("cpu").toInt() }
    val texts = cores.map { text(File(it, "cpufreq/$name"))?.ifEmpty { null } }
    return if (texts.any { it != null }) texts.map(read) else null
}

/** By the name of the zone, plus its number if names repeat; a zone may exist but be unreadable. */
private fun temperatures(root: File): Map<String, Double>? {
    val zones = File(root, "sys/class/thermal").listFiles { file -> file.name.startsWith(ZONE) }.orEmpty()
    val found = LinkedHashMap<String, Double>()
    for (zone in zones.sortedBy { it.name }) {
        val thousandths = text(File(zone, "temp"))?.toLongOrNull() ?: continue
        val name = text(File(zone, "type"))?.ifEmpty { null } ?: zone.name
        found[if (name in found) "$name ${zone.name.removePrefix(ZONE)}" else name] = thousandths / 1000.0
    }
    return found.ifEmpty { null }
}

/** Read a small kernel file. */
private fun text(file: File): String? =
    try {
        file.readText().trim()
    } catch (_: IOException) {
        null
    }

// Linux's names on Arm and x86, see runtime/machine.py.
private val FEATURES =
    listOf("avx2", "avx512f", "asimd", "sve") +
        listOf("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm") +
        listOf("avx512_bf16", "amx_bf16")
private val CORE = Regex("cpu\\d+")
private const val ZONE = "thermal_zone"
private const val THROTTLED = 1 shl 2
