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
        governors = byCore(root, "cpufreq/scaling_governor") { it ?: "" },
        frequenciesMhz = byCore(root, "cpufreq/scaling_cur_freq", ::megahertz),
        temperaturesC = temperatures(root),
        throttled = thermalStatus?.let { if (it > 0) THROTTLED else 0 },
        load = text(File(root, "proc/loadavg"))?.substringBefore(' ')?.toDoubleOrNull(),
        limitsC = limits(root),
        slowed = slowed(root),
    )

/** Linux's relative speed of each core, 1024 for the fastest; null if it is not shown. */
fun coreCapacities(root: File = File("/")): List<Int>? = byCore(root, "cpu_capacity") { it?.toIntOrNull() ?: 0 }

/** The highest frequency of each core; null if it is not shown. */
fun highestMhz(root: File = File("/")): List<Double>? = byCore(root, "cpufreq/cpuinfo_max_freq", ::megahertz)

private fun megahertz(kilohertz: String?) = (kilohertz?.toLongOrNull() ?: 0) / 1000.0

/** A file of each core; null if no core has it. */
private fun <T> byCore(
    root: File,
    name: String,
    read: (String?) -> T,
): List<T>? {
    val folders = File(root, "sys/devices/system/cpu").listFiles { file -> CORE.matches(file.name) }.orEmpty()
    val cores = folders.sortedBy { it.name.removePrefix("cpu").toInt() }
    val texts = cores.map { text(File(it, name))?.ifEmpty { null } }
    return if (texts.any { it != null }) texts.map(read) else null
}

/** By the name of the zone, plus its number if names repeat; a zone may exist but be unreadable. */
private fun temperatures(root: File): Map<String, Double>? =
    zones(root)
        .mapNotNull { (name, zone) -> text(File(zone, "temp"))?.toLongOrNull()?.let { name to it / 1000.0 } }
        .toMap()
        .ifEmpty { null }

/** The lowest passive trip point of each zone that has one, at which Linux slows the processor; null without zones. */
private fun limits(root: File): Map<String, Double>? {
    val found = zones(root).mapValues { (_, zone) -> passive(zone) }.ifEmpty { return null }
    return found.mapNotNull { (name, limit) -> limit?.let { name to it } }.toMap()
}

private fun passive(zone: File): Double? =
    files(zone, "trip_point_")
        .filter { it.name.endsWith("_type") && text(it) == "passive" }
        .mapNotNull { text(File(zone, it.name.replace("_type", "_temp")))?.toLongOrNull() }
        .filter { it > 0 }
        .minOrNull()
        ?.let { it / 1000.0 }

/** How much Linux slows processors down because of heat, 0 for not at all; null if it does not show that. */
private fun slowed(root: File): Int? =
    files(File(root, THERMAL), "cooling_device")
        .filter { device -> SLOWING.any { text(File(device, "type")).orEmpty().startsWith(it) } }
        .mapNotNull { text(File(it, "cur_state"))?.toIntOrNull() }
        .maxOrNull()
        ?.coerceAtLeast(0)

private fun zones(root: File): Map<String, File> {
    val found = LinkedHashMap<String, File>()
    for (zone in files(File(root, THERMAL), ZONE)) {
        val name = text(File(zone, "type"))?.ifEmpty { null } ?: zone.name
        found[if (name in found) "$name ${zone.name.removePrefix(ZONE)}" else name] = zone
    }
    return found
}

private fun files(
    folder: File,
    prefix: String,
): List<File> =
    folder
        .listFiles { file -> file.name.startsWith(prefix) }
        .orEmpty()
        .sortedWith(compareBy({ it.name.length }, { it.name }))

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
private const val THERMAL = "sys/class/thermal"
private val SLOWING = listOf("thermal-cpufreq-", "cpufreq-", "Processor", "intel_powerclamp")
private const val ZONE = "thermal_zone"
private const val THROTTLED = 1 shl 2
