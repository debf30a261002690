package edgewise.core

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.io.File

class RecordTest {
    private val bundle = ModelBundle.read(TinyBundle())
    private val right = checkGolden(bundle, bundle.variants()[0], bundle.golden.input, bundle.golden.output)

    @Test
    fun `verdicts, summaries and drift match Python's`() {
        for (record in Vectors.records) {
            assertEquals(record.verdict, judge(record))
            assertEquals(record.summary.copy(meanMs = 0.0), Percentiles.of(record.samplesMs).copy(meanMs = 0.0))
            assertEquals(record.drift, drift(record.samplesMs))
        }
    }

    /** `test_core.py` compares both files field for field. */
    @Test
    fun `records survive a round trip`() {
        File(Vectors.written, "records.json").writeText(Vectors.records.joinToString(",", "[", "]") { it.toJson() })
    }

    /** `test_core.py` reads it as `edgewise` does, and computes the verdict again. */
    @Test
    fun `a run of a bundle written by Python becomes a record`() {
        val bundle = Vectors.bundle
        for (variant in bundle.variants()) {
            val expected = if (variant.part == "model") bundle.golden.output else bundle.golden.logits
            val result = checkGolden(bundle, variant, bundle.golden.input, expected)
            val record = bundle.record(variant, result, expected, run(endToEnd = listOf(30.5, 31.0, 32.25)))
            File(Vectors.written, "${variant.part}.json").writeText(record.toJson())
        }
    }

    @Test
    fun `a steady run of one process is doubtful, a stopped one more so`() {
        val calm = bundle.record(bundle.variants()[0], right, bundle.golden.output, run())
        val one = "too few launches of its process (1, needs 5)"
        assertEquals(listOf(one), calm.verdict.reasons)
        val hidden = listOf("its frequency", "whether its cores are equally fast", "how busy it was")
        assertEquals(hidden, calm.verdict.unknown)
        assertEquals(listOf(one, "the device does not show ${hidden.joinToString(", ")}"), calm.verdict.doubts())
        assertEquals("2026-11-20T12:00:00.000+00:00", calm.started)
        val stopped = bundle.record(bundle.variants()[0], right, bundle.golden.output, run(complete = false))
        assertEquals(listOf("the run was interrupted (it was stopped)", one), stopped.verdict.reasons)
        assertTrue(calm.id != stopped.id && calm.id.length == 32)
    }

    @Test
    fun `a model that fails the golden sample is recorded, but not trusted`() {
        val wrong = checkGolden(bundle, bundle.variants()[0], bundle.golden.input, floatArrayOf(9f, 9f))
        val made = record(wrong, run())
        assertFalse(made.verdict.trusted)
        assertEquals("the golden sample differs by 100 steps (allowed 24) on this device", made.verdict.reasons.first())
        assertEquals(100.0, made.golden!!.maxLsb!!, 1e-6)
        val unusable = checkGolden(bundle, bundle.variants()[0], bundle.golden.input, floatArrayOf(Float.NaN, 9f))
        assertNull(record(unusable, run()).golden)
        assertTrue("NaN" in record(unusable, run()).toJson())
    }

    @Test
    fun `a single sample is refused`() {
        assertThrows<IllegalArgumentException> { record(right, run(count = 1)) }
    }

    /** `test_core.py` reads the file as `edgewise` does. */
    @Test
    fun `a model and its twin share a file and a run`() {
        val bundle = Vectors.bundle
        val together = run()
        val records =
            bundle.variants().map { variant ->
                val output = if (variant.part == "model") bundle.golden.output else bundle.golden.logits
                val result = checkGolden(bundle, variant, bundle.golden.input, output, half = true)
                bundle.record(variant, result, output, together)
            }
        assertEquals(1, records.map { it.run }.toSet().size)
        assertEquals(records.size, records.map { it.id }.toSet().size)
        File(Vectors.written, "together.json").writeText(toJson(records))
    }

    private fun record(
        golden: GoldenResult,
        run: LatencyRun,
    ) = bundle.record(bundle.variants()[0], golden, bundle.golden.output, run)

    private fun run(
        count: Int = 120,
        complete: Boolean = true,
        endToEnd: List<Double> = emptyList(),
    ): LatencyRun {
        val now = Conditions("2026-11-20T12:00:00.000+00:00", throttled = 0)
        val system = "Android 16 (API 36)"
        val phone = Machine("A Phone", system, null, "bionic", "aarch64", null, null, 8, 1L shl 33, null, null)
        val samples = Samples(31.5, 14, List(count) { 100 + 0.125 * (it % 7) }, complete)
        return LatencyRun(phone, Engine("LiteRT", "2.3.0", "GPU", null, null), 4, 55.5, samples, now, now, endToEnd)
    }
}
