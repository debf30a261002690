package edgewise.demo

import android.app.ActivityManager
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import android.system.Os
import androidx.annotation.RequiresApi
import edgewise.core.Conditions
import edgewise.core.Machine
import edgewise.core.conditions
import edgewise.core.coreCapacities
import edgewise.core.features
import edgewise.core.highestMhz

/** This phone, as described by `edgewise bench --device adb`. */
fun machineOf(context: Context): Machine {
    val memory = ActivityManager.MemoryInfo()
    context.getSystemService(ActivityManager::class.java).getMemoryInfo(memory)
    return Machine(
        board = "${Build.MANUFACTURER} ${Build.MODEL}",
        system = "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
        kernel = System.getProperty("os.version"),
        libc = "bionic",
        architecture = Os.uname().machine,
        processor = if (Build.VERSION.SDK_INT < Build.VERSION_CODES.S) null else processor(),
        features = features(),
        cores = Runtime.getRuntime().availableProcessors(),
        memoryBytes = memory.totalMem,
        software = "edgewise demo ${BuildConfig.VERSION_NAME}",
        emulated = if (Build.HARDWARE in EMULATORS) "the Android emulator" else null,
        coreCapacities = coreCapacities(),
        highestMhz = highestMhz(),
    )
}

/** Its current state: what an app can read from Linux, and Android's thermal status. */
fun conditionsOf(context: Context): Conditions {
    val status = if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) null else thermalStatus(context)
    val told = conditions(thermalStatus = status)
    val battery = batteryDegrees(context)?.let { mapOf("battery" to it) }.orEmpty()
    return told.copy(temperaturesC = (told.temperaturesC.orEmpty() + battery).ifEmpty { null })
}

@RequiresApi(Build.VERSION_CODES.Q)
private fun thermalStatus(context: Context): Int =
    context.getSystemService(PowerManager::class.java).currentThermalStatus

/** The battery temperature, which Android reports in tenths of a degree. */
private fun batteryDegrees(context: Context): Double? {
    val news = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED)) ?: return null
    val tenths = news.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, Int.MIN_VALUE)
    return if (tenths == Int.MIN_VALUE) null else tenths / 10.0
}

@RequiresApi(Build.VERSION_CODES.S)
private fun processor(): String? =
    if (Build.SOC_MODEL == Build.UNKNOWN) null else "${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}"

private val EMULATORS = setOf("ranchu", "goldfish")
