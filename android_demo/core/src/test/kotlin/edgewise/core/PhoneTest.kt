package edgewise.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.time.Duration
import java.time.OffsetDateTime

class PhoneTest {
    @Test
    fun `kernel files are read as in Python`() {
        assertEquals(Vectors.phone, conditions(File(Vectors.folder, "phone")).copy(at = ""))
    }

    @Test
    fun `files that an app may not read are unknown`(
        @TempDir empty: File,
    ) {
        assertEquals(Conditions(at = ""), conditions(empty).copy(at = ""))
        assertNull(features(empty))
    }

    @Test
    fun `throttling is reported with Raspberry Pi's bit`(
        @TempDir empty: File,
    ) {
        assertEquals(listOf(0, 4, 4), listOf(0, 1, 6).map { conditions(empty, it).throttled })
    }

    @Test
    fun `only CPU features that affect speed are listed`(
        @TempDir root: File,
    ) {
        val file = File(root, "proc/cpuinfo").apply { parentFile.mkdir() }
        file.writeText("processor\t: 0\nFeatures\t: fp i8mm asimd crc32 asimddp\n\nprocessor\t: 1\nFeatures\t: fp\n")
        assertEquals(listOf("asimd", "asimddp", "i8mm"), features(root))
        file.writeText("processor\t: 0\nflags\t\t: fpu sse avx2 avx_vnni\n")
        assertEquals(listOf("avx2", "avx_vnni"), features(root))
        file.writeText("processor\t: 0\nFeatures\t: half thumb\n")
        assertNull(features(root))
    }

    @Test
    fun `now is the current time in UTC`() {
        val found = OffsetDateTime.parse(now())
        assertTrue(Duration.between(found, OffsetDateTime.now()).abs() < Duration.ofMinutes(1))
        assertEquals(0, found.offset.totalSeconds)
    }
}
