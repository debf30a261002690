package edgewise.core

import kotlinx.serialization.SerialName
import kotlinx.serialization.Serializable
import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/** Pillow's filters: [reach] is the support in pixels on each side, before antialiasing widens it; 0 for none. */
@Serializable
enum class Interpolation(
    internal val reach: Double,
) {
    @SerialName("nearest")
    NEAREST(0.0),

    @SerialName("box")
    BOX(0.5),

    @SerialName("bilinear")
    BILINEAR(1.0),

    @SerialName("hamming")
    HAMMING(1.0),

    @SerialName("bicubic")
    BICUBIC(2.0),

    @SerialName("lanczos")
    LANCZOS(3.0),
    ;

    /** The weight of a pixel [distance] away. */
    internal fun weight(distance: Double): Double {
        val x = abs(distance)
        return when (this) {
            NEAREST -> 1.0
            BOX -> if (distance > -0.5 && distance <= 0.5) 1.0 else 0.0
            BILINEAR -> if (x < 1.0) 1.0 - x else 0.0
            HAMMING -> if (x < 1.0) sinc(x) * (HAMMING_MEAN + HAMMING_SWING * cos(x * PI)) else 0.0
            BICUBIC -> keys(x)
            LANCZOS -> if (x < 3.0) sinc(distance) * sinc(distance / 3) else 0.0
        }
    }
}

/** Keys's convolution with a = -0.5. */
private fun keys(x: Double): Double =
    when {
        x < 1.0 -> ((KEYS + 2.0) * x - (KEYS + 3.0)) * x * x + 1
        x < 2.0 -> (((x - 5) * x + 8) * x - 4) * KEYS
        else -> 0.0
    }

private fun sinc(x: Double): Double = if (x == 0.0) 1.0 else sin(x * PI) / (x * PI)

/**
 * The source pixels and weights for the cropped part of a resized line.
 *
 * Output `i` uses `counts[i]` pixels from `firsts[i]` on, with the weights from `i * stride` on. They are fixed point
 * with 22 bits, as in Pillow for 8-bit pictures, because only integers reproduce its bytes exactly.
 */
internal class Kernel(
    val firsts: IntArray,
    val counts: IntArray,
    val weights: IntArray,
    val stride: Int,
) {
    val begin: Int get() = firsts.first()
    val end: Int get() = firsts.last() + counts.last()

    companion object {
        /** Resize a line from [from] to [to] pixels, and keep [size] of them from [corner] on. */
        fun of(
            from: Int,
            to: Int,
            corner: Int,
            size: Int,
            filter: Interpolation,
        ): Kernel {
            if (filter == Interpolation.NEAREST) return nearest(from, to, corner, size)
            val scale = from.toDouble() / to
            val widening = max(scale, 1.0) // antialiasing: a pixel of a smaller picture covers several
            val reach = filter.reach * widening
            val stride = ceil(reach).toInt() * 2 + 1
            val kernel = Kernel(IntArray(size), IntArray(size), IntArray(size * stride), stride)
            val exact = DoubleArray(stride)
            for (place in 0 until size) {
                val centre = (corner + place + 0.5) * scale
                val first = max((centre - reach + 0.5).toInt(), 0)
                val count = min((centre + reach + 0.5).toInt(), from) - first
                var sum = 0.0
                for (tap in 0 until count) {
                    exact[tap] = filter.weight((tap + first - centre + 0.5) * (1.0 / widening))
                    sum += exact[tap]
                }
                for (tap in 0 until count) kernel.weights[place * stride + tap] = fixed(exact[tap] / sum)
                kernel.firsts[place] = first
                kernel.counts[place] = count
            }
            return kernel
        }

        /** Pillow adds up the places in the source one after the other, which rounds otherwise than a product. */
        private fun nearest(
            from: Int,
            to: Int,
            corner: Int,
            size: Int,
        ): Kernel {
            val scale = from.toDouble() / to
            var centre = scale * 0.5
            repeat(corner) { centre += scale }
            val firsts = IntArray(size) { min(centre.toInt(), from - 1).also { centre += scale } }
            return Kernel(firsts, IntArray(size) { 1 }, IntArray(size) { ONE }, 1)
        }

        private fun fixed(weight: Double): Int = (weight * ONE + if (weight < 0) -0.5 else 0.5).toInt()
    }
}

/** Resizes pictures of one size and crops the centre, computing only the pixels that are needed; [grey] is first. */
internal class Resampler(
    private val width: Int,
    private val height: Int,
    private val columns: Kernel,
    private val rows: Kernel,
    private val grey: Boolean,
) {
    private val size = columns.firsts.size
    private val between = IntArray((rows.end - rows.begin) * size) // RGB, after the horizontal pass
    private val levels = if (grey) IntArray(width * height) else IntArray(0) // in the place of blue

    fun fits(picture: Picture): Boolean = picture.width == width && picture.height == height

    fun cut(
        argb: IntArray,
        out: ByteArray,
    ) {
        if (grey) for (place in levels.indices) levels[place] = level(argb[place])
        across(if (grey) levels else argb)
        down(out)
    }

    private fun across(argb: IntArray) {
        val weights = columns.weights
        var place = 0
        for (row in rows.begin until rows.end) {
            for (column in 0 until size) {
                var red = HALF
                var green = HALF
                var blue = HALF
                var tap = column * columns.stride
                val first = row * width + columns.firsts[column]
                for (index in first until first + columns.counts[column]) {
                    val pixel = argb[index]
                    val weight = weights[tap++]
                    red += (pixel shr 16 and 0xff) * weight
                    green += (pixel shr 8 and 0xff) * weight
                    blue += (pixel and 0xff) * weight
                }
                between[place++] = (byte(red) shl 16) or (byte(green) shl 8) or byte(blue)
            }
        }
    }

    private fun down(out: ByteArray) {
        val weights = rows.weights
        var place = 0
        for (row in rows.firsts.indices) {
            val first = (rows.firsts[row] - rows.begin) * size
            for (column in 0 until size) {
                var red = HALF
                var green = HALF
                var blue = HALF
                var index = first + column
                for (tap in row * rows.stride until row * rows.stride + rows.counts[row]) {
                    val pixel = between[index]
                    val weight = weights[tap]
                    red += (pixel shr 16) * weight
                    green += (pixel shr 8 and 0xff) * weight
                    blue += (pixel and 0xff) * weight
                    index += size
                }
                if (!grey) {
                    out[place++] = byte(red).toByte()
                    out[place++] = byte(green).toByte()
                }
                out[place++] = byte(blue).toByte()
            }
        }
    }

    /** Clip to 0 to 255: bicubic weights can be negative, so sums can exceed both limits. */
    private fun byte(sum: Int): Int = (sum shr BITS).coerceIn(0, 0xff)
}

/** Pillow's grey level of a pixel (ITU-R 601-2 luma), in fixed point with 16 bits. */
private fun level(pixel: Int): Int {
    val (red, green, blue) = Triple(pixel shr 16 and 0xff, pixel shr 8 and 0xff, pixel and 0xff)
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) shr 16
}

private const val KEYS = -0.5
private val HAMMING_MEAN = 0.54f.toDouble() // Pillow's constants are float32
private val HAMMING_SWING = 0.46f.toDouble()
private const val BITS = 22
private const val ONE = 1 shl BITS
private const val HALF = 1 shl (BITS - 1)
