package edgewise.core

import kotlinx.serialization.json.JsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream

class IntakeTest {
    @TempDir
    lateinit var place: File

    private val tiny = TinyBundle().contents

    @Test
    fun `a bundle from an archive is the bundle`() {
        for (prefix in listOf("", "tiny-tflite-w8a8/")) {
            val name = unpack(zip(tiny.mapKeys { prefix + it.key }), place)
            assertTrue(Regex("tiny-w8a8-[0-9a-f]{8}").matches(name)) { name }
            val files = Folder(File(place, name))
            assertEquals(listOf("ant", "bee"), ModelBundle.read(files).also { it.verify(files) }.labels)
            assertEquals(listOf(name), left()) // the second time it is the same bundle
        }
    }

    @Test
    fun `the archive of a bundle that Python wrote is opened`() {
        val name = File(Vectors.folder, "bundle.zip").inputStream().use { unpack(it, place) }
        val files = Folder(File(place, name))
        val bundle = ModelBundle.read(files).also { it.verify(files) }
        assertEquals(
            Vectors.bundle.manifest.files.mapValues {
                it.value.sha256
            },
            bundle.manifest.files.mapValues { it.value.sha256 },
        )
    }

    @TestFactory
    fun `what is no bundle leaves nothing behind`(): List<DynamicTest> {
        val model = "tiny-w8a8.tflite"
        val wrong = tiny + (model to tiny.getValue(model).copyOf().also { it[9] = 99 })
        val escaping = TinyBundle { it["model"] = JsonPrimitive("../../secret") }.contents
        return listOf(
            Triple("contains no manifest.json", tiny - "manifest.json", Bounds()),
            Triple("contains no manifest.json", emptyMap(), Bounds()),
            Triple("contains no manifest.json", tiny.mapKeys { "a/b/${it.key.substringAfter('/')}" }, Bounds()),
            Triple("does not match the manifest", wrong, Bounds()),
            Triple("golden/input.npy cannot be read", tiny - "golden/input.npy", Bounds()),
            Triple("does not list '../../secret'", escaping, Bounds()),
            Triple("has more than 5 files", tiny, Bounds(files = 5)),
            Triple("is larger than 0 MiB", tiny, Bounds(bytes = 150_000)),
            Triple("larger than it can be", tiny, Bounds(memoryBytes = 100)),
        ).map { (fault, contents, bounds) -> dynamicTest(fault) { refused(fault, zip(contents), bounds) } } +
            listOf(
                "../evil",
                "/etc/passwd",
                "a/../../evil",
                "a\\b",
                ".hidden",
                "a/b/c/d",
                "",
                "a//b",
                "a\u0000b",
                "a".repeat(200),
            ).map {
                dynamicTest("'${it.take(9)}' is no name") {
                    refused(
                        "no name for a file",
                        zip(tiny + (it to ByteArray(1))),
                    )
                }
            }
    }

    @Test
    fun `a bomb is not unpacked`() {
        val bomb = ByteArrayOutputStream()
        ZipOutputStream(bomb).use { zip ->
            zip.putNextEntry(ZipEntry("model.tflite"))
            repeat(64) { zip.write(ByteArray(1 shl 20)) } // 64 MiB in 64 KiB
        }
        assertTrue(bomb.size() < 100_000)
        refused("is larger than 8 MiB", ByteArrayInputStream(bomb.toByteArray()), Bounds(bytes = 8L shl 20))
    }

    @Test
    fun `an archive that is cut off anywhere is refused`() {
        val whole = zip(tiny).readBytes()
        for (size in 0 until whole.size step 997) {
            try {
                unpack(ByteArrayInputStream(whole.copyOf(size)), place)
                // The directory at the end of an archive is not needed to read it.
                assertTrue(size > whole.size - 2_000) { "$size of ${whole.size}" }
                File(place, left().single()).deleteRecursively()
            } catch (_: BundleException) {
                assertEquals(emptyList<String>(), left())
            } catch (_: IOException) {
                assertEquals(emptyList<String>(), left())
            }
        }
    }

    @Test
    fun `files of the same name are refused, and so are names that lead out of a folder`() {
        Intake(place).use { intake ->
            intake.add("labels.txt", ByteArrayInputStream(ByteArray(1)))
            val error = assertThrows<BundleException> { intake.add("labels.txt", ByteArrayInputStream(ByteArray(1))) }
            assertTrue("'labels.txt' twice" in error.message!!)
        }
        assertEquals(emptyList<String>(), left())
        assertThrows<IOException> { Folder(place).open("../secret") }
        assertThrows<IOException> { Folder(place).file("/etc/passwd") }
    }

    private fun refused(
        fault: String,
        archive: ByteArrayInputStream,
        bounds: Bounds = Bounds(),
    ) {
        val message = assertThrows<BundleException> { unpack(archive, place, bounds) }.message!!
        assertTrue(fault in message && ';' in message && '\n' !in message) { message }
        assertEquals(emptyList<String>(), left())
    }

    private fun left(): List<String> = place.list().orEmpty().toList()

    private fun zip(contents: Map<String, ByteArray>): ByteArrayInputStream {
        val bytes = ByteArrayOutputStream()
        ZipOutputStream(bytes).use { zip ->
            for ((name, content) in contents) {
                zip.putNextEntry(ZipEntry(name))
                zip.write(content)
            }
        }
        return ByteArrayInputStream(bytes.toByteArray())
    }
}
