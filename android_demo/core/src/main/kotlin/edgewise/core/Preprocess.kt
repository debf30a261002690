package edgewise.core

/**
 * Bit-identical to Python's `Preprocess`: resize the shorter side, crop the centre, scale to [0, 1], normalise.
 *
 * It caches the kernels for the last picture size, because all camera frames have the same.
 */
class Preprocess(
    val size: Int,
    val resize: Int,
    val mean: FloatArray,
    val std: FloatArray,
    val interpolation: Interpolation,
) {
    private val levels: FloatArray
    private var resampler: Resampler? = null

    init {
        require(size in 1..resize && resize <= LARGEST) {
            "image size $size and resize $resize do not fit: need 1 <= size <= resize <= $LARGEST"
        }
        require(mean.size == CHANNELS && std.size == CHANNELS && std.all { it > 0 }) {
            "mean ${mean.toList()} and std ${std.toList()}: need three numbers each, std above 0"
        }
        // All 256 values of each channel, normalised in the order of Python's float32 operations.
        levels = FloatArray(CHANNELS * LEVELS) { (it / CHANNELS / 255f - mean[it % CHANNELS]) / std[it % CHANNELS] }
    }

    /** Resize and crop an upright picture of any size to (size, size, 3) RGB bytes, written to [out]. */
    @Synchronized
    fun crop(
        picture: Picture,
        out: ByteArray = ByteArray(size * size * CHANNELS),
    ): ByteArray {
        require(out.size == size * size * CHANNELS) { "${out.size} bytes for $size by $size pixels" }
        val fitting = resampler?.takeIf { it.fits(picture) } ?: resampler(picture).also { resampler = it }
        fitting.cut(picture.argb, out)
        return out
    }

    /** Normalise RGB bytes for the network, with each operation rounded to float32. */
    fun normalise(
        pixels: ByteArray,
        out: FloatArray,
    ) {
        require(pixels.size == out.size && out.size % CHANNELS == 0) { "${out.size} values for ${pixels.size} bytes" }
        for (first in pixels.indices step CHANNELS) {
            for (place in first until first + CHANNELS) {
                out[place] = levels[(pixels[place].toInt() and 0xff) * CHANNELS + place - first]
            }
        }
    }

    private fun resampler(picture: Picture): Resampler {
        val shorter = minOf(picture.width, picture.height)

        fun kernel(side: Int): Kernel {
            val scaled = (resize.toLong() * side / shorter).toInt()
            val corner = Math.rint((scaled - size) / 2.0).toInt() // ties to even, as in Python
            return Kernel.of(side, scaled, corner, size, interpolation)
        }
        return Resampler(picture.width, picture.height, kernel(picture.width), kernel(picture.height))
    }
}

private const val CHANNELS = 3
private const val LEVELS = 256
private const val LARGEST = 4096
