package edgewise.demo

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import androidx.exifinterface.media.ExifInterface
import edgewise.core.Picture
import edgewise.core.upright
import java.io.IOException
import java.io.InputStream

/** A decoded picture; [sampled] is the factor by which it was subsampled to save memory, 1 for none. */
class Decoded(
    val picture: Picture,
    val sampled: Int,
)

/**
 * Decode a picture with its orientation applied, from a stream that can be opened again.
 *
 * As in Pillow, colours are not converted and alpha is not premultiplied. All pixels are read if the heap allows,
 * because pixels skipped before the resize would be missing from its average.
 *
 * @throws IOException it cannot be read, or this phone cannot decode it.
 */
fun decode(open: () -> InputStream): Decoded {
    val orientation = open().use { ExifInterface(it).getAttributeInt(ExifInterface.TAG_ORIENTATION, UPRIGHT) }
    val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    open().use { BitmapFactory.decodeStream(it, null, bounds) }
    if (bounds.outWidth <= 0 || bounds.outHeight <= 0) throw IOException("this phone cannot decode it as a picture")
    val sample = sampling(bounds.outWidth.toLong() * bounds.outHeight, free())
    val options =
        BitmapFactory.Options().apply {
            inPreferredConfig = Bitmap.Config.ARGB_8888
            inPremultiplied = false
            inScaled = false
            inSampleSize = sample
        }
    val bitmap =
        open().use { BitmapFactory.decodeStream(it, null, options) } ?: throw IOException("the picture is damaged")
    val straight = bitmap.straight()
    val picture = straight.picture()
    straight.recycle()
    return Decoded(picture.upright(orientation), sample)
}

/** The smallest power of two as subsampling factor for which a picture and its rotated copy fit into the heap. */
fun sampling(
    pixels: Long,
    freeBytes: Long,
): Int = generateSequence(1) { it * 2 }.first { pixels / (it.toLong() * it) * BYTES_A_PIXEL <= freeBytes }

private fun free(): Long = Runtime.getRuntime().run { maxMemory() - (totalMemory() - freeMemory()) }

/** Convert to 8 bits per channel, if the decoder returns more. */
private fun Bitmap.straight(): Bitmap = if (config == Bitmap.Config.ARGB_8888) this else copy(Bitmap.Config.ARGB_8888, false)

private const val UPRIGHT = ExifInterface.ORIENTATION_NORMAL

// The bitmap, its pixels, and the rotated pixels.
private const val BYTES_A_PIXEL = 12
