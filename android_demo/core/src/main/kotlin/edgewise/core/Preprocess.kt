package edgewise.core

/**
 * Bit-identical to Python's `Preprocess`: resize, crop the centre, scale to [0, 1], normalise.
 *
 * [size] and [resize] are a number or a height and a width: one number to resize to is the length of the shorter side,
 * two are the new sides whatever the proportions. One mean is that of a network for grey pictures. It caches the
 * kernels for the last picture size, because all camera frames have the same.
 */
class Preprocess(
    val size: List<Int>,
    val resize: List<Int>,
    val mean: FloatArray,
    val std: FloatArray,
    val interpolation: Interpolation,
) {
    val height: Int get() = size.first()
    val width: Int get() = size.last()
    val channels: Int get() = mean.size
    private val levels: FloatArray
    private var resampler: Resampler? = null

    init {
        require(
            size.size in SIDES && resize.size in SIDES && height in 1..resize.first() && width in 1..resize.last() &&
                resize.max() <= LARGEST,
        ) {
            "image size ${size.written()} and resize ${resize.written()} do not fit: " +
                "need 1 <= size <= resize <= $LARGEST"
        }
        require(channels in CHANNELS && std.size == channels && std.all { it > 0 }) {
            "mean ${mean.toList()} and std ${std.toList()}: need three numbers each, or one each, std above 0"
        }
        // All 256 values of each channel, normalised in the order of Python's float32 operations.
        levels = FloatArray(channels * LEVELS) { (it / channels / 255f - mean[it % channels]) / std[it % channels] }
    }

    /** Resize and crop an upright picture of any size to (height, width, channels) bytes, written to [out]. */
    @Synchronized
    fun crop(
        picture: Picture,
        out: ByteArray = ByteArray(height * width * channels),
    ): ByteArray {
        require(out.size == height * width * channels) { "${out.size} bytes for $height by $width pixels" }
        val fitting = resampler?.takeIf { it.fits(picture) } ?: resampler(picture).also { resampler = it }
        fitting.cut(picture.argb, out)
        return out
    }

    /** Normalise bytes for the network, with each operation rounded to float32. */
    fun normalise(
        pixels: ByteArray,
        out: FloatArray,
    ) {
        require(pixels.size == out.size && out.size % channels == 0) { "${out.size} values for ${pixels.size} bytes" }
        for (first in pixels.indices step channels) {
            for (place in first until first + channels) {
                out[place] = levels[(pixels[place].toInt() and 0xff) * channels + place - first]
            }
        }
    }

    /** The width and height of the part that [crop] takes from a picture, in pixels of the picture. */
    fun taken(
        pictureWidth: Int,
        pictureHeight: Int,
    ): Pair<Double, Double> {
        val (wide, high) = scaled(pictureWidth, pictureHeight)
        return pictureWidth.toDouble() * width / wide to pictureHeight.toDouble() * height / high
    }

    /** The width and height of a picture after resizing. */
    private fun scaled(
        pictureWidth: Int,
        pictureHeight: Int,
    ): Pair<Int, Int> {
        if (resize.size > 1) return resize[1] to resize[0]
        val shorter = minOf(pictureWidth, pictureHeight)

        fun side(given: Int) = (resize[0].toLong() * given / shorter).toInt()
        return side(pictureWidth) to side(pictureHeight)
    }

    private fun resampler(picture: Picture): Resampler {
        fun kernel(
            side: Int,
            scaled: Int,
            kept: Int,
        ): Kernel {
            val corner = Math.rint((scaled - kept) / 2.0).toInt() // ties to even, as in Python
            return Kernel.of(side, scaled, corner, kept, interpolation)
        }
        val (wide, high) = scaled(picture.width, picture.height)
        val columns = kernel(picture.width, wide, width)
        val rows = kernel(picture.height, high, height)
        return Resampler(picture.width, picture.height, columns, rows, grey = channels == 1)
    }
}

private fun List<Int>.written() = joinToString("x")

private val SIDES = 1..2
private val CHANNELS = setOf(1, 3)
private const val LEVELS = 256
private const val LARGEST = 4096
