package edgewise.demo

import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import edgewise.core.Tensor
import edgewise.core.TensorType
import edgewise.core.Variant

/** The phone's runtime does not run the model. */
class EngineException(
    accelerator: Accelerator,
    cause: Throwable,
) : Exception("the $accelerator does not run the model: ${cause.message ?: cause.javaClass.simpleName}", cause) {
    /** In the runtime's own words. */
    val reason: String = cause.message ?: cause.javaClass.simpleName
}

/** A model ready to run, its buffers made once. One thread at a time may use it. */
class Classifier private constructor(
    private val variant: Variant,
    private val accelerator: Accelerator,
    private val model: CompiledModel,
) : AutoCloseable {
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()
    private val steps = Steps(variant.input)
    private val answer = Steps(variant.output)

    /** (1, size, size, 3) normalised values to (1, classes) logits, whatever the model's own types are. */
    fun run(input: FloatArray): FloatArray =
        told(accelerator) {
            val (given, taken) = inputs.single() to outputs.single()
            if (variant.input.type == TensorType.FLOAT32) given.writeFloat(input) else given.writeInt8(steps.of(input))
            model.run(inputs, outputs)
            if (variant.output.type == TensorType.FLOAT32) taken.readFloat() else answer.values(taken.readInt8())
        }

    /** Buffers first: they are the model's. */
    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }

    /** An integer end's steps and what they stand for; uint8 travels in the bytes of int8, of which LiteRT knows. */
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
        /** As many as most phones have fast cores. */
        private const val MOST_THREADS = 4

        /** CPU threads of an inference. */
        val threads: Int get() = Runtime.getRuntime().availableProcessors().coerceAtMost(MOST_THREADS)

        /**
         * Compile the model for an accelerator alone: with another one beside it LiteRT would fall back unseen.
         *
         * @throws EngineException the accelerator is not there, or does not take the model.
         */
        fun open(
            files: AssetFiles,
            variant: Variant,
            accelerator: Accelerator,
        ): Classifier =
            told(accelerator) {
                val options = CompiledModel.Options(accelerator)
                if (accelerator == Accelerator.CPU) options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
                val model = CompiledModel.create(files.assets, files.asset(variant.file), options)
                try {
                    Classifier(variant, accelerator, model)
                } catch (error: LiteRtException) {
                    model.close()
                    throw error
                }
            }

        /** The runtime's own errors, and those of a phone for whose processor the app holds no runtime. */
        private fun <T> told(
            accelerator: Accelerator,
            work: () -> T,
        ): T =
            try {
                work()
            } catch (error: LiteRtException) {
                throw EngineException(accelerator, error)
            } catch (error: LinkageError) {
                throw EngineException(accelerator, error)
            }
    }
}
