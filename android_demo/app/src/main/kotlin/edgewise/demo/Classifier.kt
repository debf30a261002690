package edgewise.demo

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import edgewise.core.Tensor
import edgewise.core.TensorType
import edgewise.core.Variant
import edgewise.core.logits

/** The phone's runtime cannot run the model. */
class EngineException(
    accelerator: Accelerator,
    cause: Throwable,
) : Exception("the $accelerator cannot run the model: ${cause.message ?: cause.javaClass.simpleName}", cause) {
    /** The runtime's own message. */
    val reason: String = cause.message ?: cause.javaClass.simpleName
}

/** A compiled model with preallocated buffers. Not thread-safe. */
class Classifier private constructor(
    private val variant: Variant,
    private val accelerator: Accelerator,
    private val model: CompiledModel,
) : AutoCloseable {
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()
    private val steps = Steps(variant.input)
    private val answer = Steps(variant.output)

    /** Turn normalised values into (1, classes) logits, whatever the model's own types. */
    fun run(input: FloatArray): FloatArray =
        told(accelerator) {
            val (given, taken) = inputs.single() to outputs.single()
            if (variant.input.type == TensorType.FLOAT32) given.writeFloat(input) else given.writeInt8(steps.of(input))
            model.run(inputs, outputs)
            logits(if (variant.output.type == TensorType.FLOAT32) taken.readFloat() else answer.values(taken.readInt8()))
        }

    /** Buffers first: they belong to the model. */
    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }

    /** The quantized values of an integer input or output; uint8 is passed as int8 bytes, which LiteRT supports. */
    private class Steps(
        private val tensor: Tensor,
    ) {
        private val bytes = ByteArray(tensor.shape.reduce(Int::times))
        private val quantization get() = checkNotNull(tensor.quantization)

        fun of(values: FloatArray): ByteArray = bytes.also { quantization.quantize(values, tensor.type, it) }

        fun values(steps: ByteArray): FloatArray =
            FloatArray(steps.size).also { quantization.dequantize(steps, tensor.type, it) }
    }

    companion object {
        /**
         * Compile the model for one accelerator only: with a second one LiteRT would fall back silently.
         *
         * @throws EngineException the accelerator is not available or does not support the model.
         */
        fun open(
            files: ModelFiles,
            variant: Variant,
            accelerator: Accelerator,
            threads: Int,
        ): Classifier =
            told(accelerator) {
                val options = CompiledModel.Options(accelerator)
                if (accelerator == Accelerator.CPU) options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
                val model = files.compile(variant.file, options)
                var opened: Classifier? = null
                try {
                    Classifier(variant, accelerator, model).also { opened = it }
                } finally {
                    if (opened == null) model.close()
                }
            }

        /**
         * Wraps the runtime's errors: its own, those of handles and arguments that it refuses, and those on a phone
         * with a processor that the app has no runtime for.
         */
        private fun <T> told(
            accelerator: Accelerator,
            work: () -> T,
        ): T =
            try {
                work()
            } catch (error: LiteRtException) {
                throw EngineException(accelerator, error)
            } catch (error: IllegalStateException) {
                throw EngineException(accelerator, error)
            } catch (error: IllegalArgumentException) {
                throw EngineException(accelerator, error)
            } catch (error: LinkageError) {
                throw EngineException(accelerator, error)
            }
    }
}
