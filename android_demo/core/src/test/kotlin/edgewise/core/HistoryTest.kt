package edgewise.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.io.IOException

class HistoryTest {
    @TempDir
    lateinit var place: File

    @Test
    fun `records are kept, newest first, and can be deleted`() {
        val history = History(File(place, "records"))
        assertEquals(emptyList<Entry>(), history.entries())
        history.add(emptyList())
        history.add(run("a", "2026-11-20T12:00:00.000+00:00"))
        history.add(run("b", "2026-11-21T12:00:00.000+00:00"))
        assertEquals(listOf("b.json", "a.json"), history.entries().map { it.name })
        assertEquals(run("a", "2026-11-20T12:00:00.000+00:00"), history.entries().last().records)
        assertEquals(toJson(run("b", "2026-11-21T12:00:00.000+00:00")), history.file("b.json").readText())
        history.remove("b.json")
        history.remove("../records/a.json")
        assertEquals(listOf("a.json"), history.entries().map { it.name })
        assertThrows<IOException> { history.file("b.json") }
    }

    @Test
    fun `what cannot be read is left out, and the oldest go`() {
        val history = History(place, most = 2)
        for (file in mapOf("bad.json" to "{", "other.json" to "[]", "none.json" to "{\"records\": []}", "text" to "")) {
            File(place, file.key).writeText(file.value)
        }
        for (day in 1..4) history.add(run("run$day", "2026-11-2${day}T12:00:00.000+00:00"))
        assertEquals(listOf("run4.json", "run3.json"), history.entries().map { it.name })
    }

    private fun run(
        id: String,
        started: String,
    ): List<LatencyRecord> = Vectors.records.take(2).map { it.copy(run = id, started = started) }
}
