package edgewise.core

/**
 * Decoded pixels: ARGB without premultiplied alpha, row by row.
 *
 * Alpha is ignored, as in Python: the colour of a transparent pixel is used.
 */
class Picture(
    val width: Int,
    val height: Int,
    val argb: IntArray,
) {
    init {
        require(width > 0 && height > 0 && argb.size == width * height) {
            "${argb.size} pixels for a picture of $width by $height"
        }
    }
}

/**
 * Apply an EXIF [orientation] as Pillow's `exif_transpose` does; values other than 2 to 8 change nothing.
 *
 * The pixels are written to [into], which must not be the picture's own array, to avoid an allocation per frame.
 */
fun Picture.upright(
    orientation: Int,
    into: IntArray? = null,
): Picture {
    if (orientation !in MIRRORED..LEFT_DOWN) return this
    val fromRight = orientation in FROM_RIGHT
    val fromBottom = orientation in FROM_BOTTOM
    val first = (if (fromRight) width - 1 else 0) + (if (fromBottom) (height - 1) * width else 0)
    val alongRow = if (fromRight) -1 else 1
    val alongColumn = if (fromBottom) -width else width
    val turned = into ?: IntArray(argb.size)
    if (orientation < TRANSPOSED) {
        copy(turned, width, first, alongRow, alongColumn)
        return Picture(width, height, turned)
    }
    copy(turned, height, first, alongColumn, alongRow)
    return Picture(height, width, turned)
}

/** The EXIF orientation of a camera frame that needs a clockwise rotation by [degreesClockwise]. */
fun exifOrientation(degreesClockwise: Int): Int =
    when (degreesClockwise) {
        0 -> UPRIGHT
        90 -> RIGHT_DOWN
        180 -> UPSIDE_DOWN
        270 -> LEFT_DOWN
        else -> throw IllegalArgumentException("camera rotation $degreesClockwise: must be 0, 90, 180 or 270 degrees")
    }

/** Fill [turned], with rows of [width], starting at [first], with strides [step] in a row and [line] between rows. */
private fun Picture.copy(
    turned: IntArray,
    width: Int,
    first: Int,
    step: Int,
    line: Int,
) {
    var start = first
    for (row in turned.indices step width) {
        var place = start
        for (column in row until row + width) {
            turned[column] = argb[place]
            place += step
        }
        start += line
    }
}

// EXIF codes by where the first stored row and column belong; from 5 on, rows and columns are swapped.
private const val UPRIGHT = 1
private const val MIRRORED = 2
private const val UPSIDE_DOWN = 3
private const val TRANSPOSED = 5
private const val RIGHT_DOWN = 6
private const val LEFT_DOWN = 8
private val FROM_RIGHT = setOf(2, 3, 7, 8)
private val FROM_BOTTOM = setOf(3, 4, 6, 7)
