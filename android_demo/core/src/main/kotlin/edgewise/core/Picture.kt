package edgewise.core

/**
 * Pixels as a decoder leaves them: straight (not premultiplied) ARGB, row by row.
 *
 * Alpha is ignored, as Python drops it: the colour of a transparent pixel counts.
 */
class Picture(
    val width: Int,
    val height: Int,
    val argb: IntArray,
) {
    init {
        require(width > 0 && height > 0 && argb.size == width * height) {
            "a picture of $width by $height pixels cannot have ${argb.size} of them"
        }
    }
}

/**
 * The picture the right way up, as Pillow's `exif_transpose` turns it; an [orientation] not of 2 to 8 turns nothing.
 *
 * [into], which must not be the picture's own array, takes the pixels, so that a camera's frames need no new one each.
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

/** The EXIF orientation of a camera's frame that stands upright once it is turned so many degrees clockwise. */
fun exifOrientation(degreesClockwise: Int): Int =
    when (degreesClockwise) {
        0 -> UPRIGHT
        90 -> RIGHT_DOWN
        180 -> UPSIDE_DOWN
        270 -> LEFT_DOWN
        else -> throw IllegalArgumentException("a camera turned by $degreesClockwise degrees: know 0, 90, 180 and 270")
    }

/** Fill [turned], rows of [width], from the pixel [first] on: [step] to a row's next one, [line] to the next row. */
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

// EXIF's codes by where the first stored row and column belong; from 5 on, rows are stored columns.
private const val UPRIGHT = 1
private const val MIRRORED = 2
private const val UPSIDE_DOWN = 3
private const val TRANSPOSED = 5
private const val RIGHT_DOWN = 6
private const val LEFT_DOWN = 8
private val FROM_RIGHT = setOf(2, 3, 7, 8)
private val FROM_BOTTOM = setOf(3, 4, 6, 7)
