package edgewise.demo

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import androidx.exifinterface.media.ExifInterface
import edgewise.core.Picture
import edgewise.core.upright
import java.io.IOException
import java.io.InputStream

/** A decoded picture; [sampled] is by how much memory made it smaller on the way, 1 for not at all. */
class Decoded(
    val picture: Picture,
    val sampled: Int,
)

/**
 * Read an encoded picture upright, from a stream that can be opened again.
 *
 * Colours stay as stored and straight, as Pillow leaves them. All pixels are read where the heap allows it: what is
 * left out before the resize would be missing from its average.
 *
 * @throws IOException it cannot be read, or is no picture that this phone decodes.
 */
fun decode(open: () -> InputStream): Decoded {
    val orientation = open().use { ExifInterface(it).getAttributeInt(ExifInterface.TAG_ORIENTATION, UPRIGHT) }
    val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    open().use { BitmapFactory.decodeStream(it, null, bounds) }
    if (bounds.outWidth <= 0 || bounds.outHeight <= 0) throw IOException("this is no picture that this phone decodes")
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

/** The smallest power of two by which a picture of so many pixels fits, with its turned copy, into a heap. */
fun sampling(
    pixels: Long,
    freeBytes: Long,
): Int = generateSequence(1) { it * 2 }.first { pixels / (it.toLong() * it) * BYTES_A_PIXEL <= freeBytes }

private fun free(): Long = Runtime.getRuntime().run { maxMemory() - (totalMemory() - freeMemory()) }

/** In eight bits a channel: what a decoder gives of a deeper picture is converted. */
private fun Bitmap.straight(): Bitmap = if (config == Bitmap.Config.ARGB_8888) this else copy(Bitmap.Config.ARGB_8888, false)

private const val UPRIGHT = ExifInterface.ORIENTATION_NORMAL

// The bitmap, its pixels, and those turned.
private const val BYTES_A_PIXEL = 12
