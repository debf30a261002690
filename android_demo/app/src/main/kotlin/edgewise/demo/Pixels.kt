package edgewise.demo

import android.graphics.Bitmap
import androidx.camera.core.ImageProxy
import edgewise.core.Picture
import edgewise.core.exifOrientation
import edgewise.core.upright
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.IntBuffer

/** A bitmap's pixels as stored: `getPixels` would convert them to sRGB, unlike training. */
fun Bitmap.picture(): Picture {
    val pixels = IntArray(width * height)
    copyPixelsToBuffer(IntBuffer.wrap(pixels))
    return Picture(width, height, pixels.toArgb())
}

/** (height, width, channels) bytes, RGB or grey, as a bitmap for display. */
fun bitmap(
    bytes: ByteArray,
    height: Int,
    width: Int,
): Bitmap {
    val channels = bytes.size / (height * width)

    fun level(
        pixel: Int,
        channel: Int,
    ) = bytes[pixel * channels + minOf(channel, channels - 1)].toInt() and 0xff
    val argb = IntArray(height * width) { OPAQUE or (level(it, 0) shl 16) or (level(it, 1) shl 8) or level(it, 2) }
    return Bitmap.createBitmap(argb, width, height, Bitmap.Config.ARGB_8888)
}

/** Converts camera frames to upright pictures in reused arrays: a picture is valid until the next one. */
class Frames {
    private var pixels = IntArray(0)
    private var turned = IntArray(0)

    /** The pixels of an RGBA frame; its row stride may exceed the width. */
    fun picture(frame: ImageProxy): Picture {
        val plane = frame.planes.single()
        val count = frame.width * frame.height
        if (pixels.size != count) {
            pixels = IntArray(count)
            turned = IntArray(count)
        }
        rows(plane.buffer, plane.rowStride, frame.width)
        val orientation = exifOrientation(frame.imageInfo.rotationDegrees)
        return Picture(frame.width, frame.height, pixels.toArgb()).upright(orientation, turned)
    }

    private fun rows(
        buffer: ByteBuffer,
        stride: Int,
        width: Int,
    ) {
        val source = buffer.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer()
        // IntBuffer's own override of `position` is newer than Android 7.
        val place: Buffer = source
        for ((row, start) in (pixels.indices step width).withIndex()) {
            place.position(row * (stride / Int.SIZE_BYTES))
            source.get(pixels, start, width)
        }
    }
}

/** Convert in place from the bytes R, G, B, A in memory, which a little-endian word has in reverse order. */
private fun IntArray.toArgb(): IntArray {
    for (place in indices) {
        val pixel = this[place]
        this[place] = (pixel and GREEN_AND_ALPHA) or (pixel and BYTE shl 16) or (pixel ushr 16 and BYTE)
    }
    return this
}

private const val OPAQUE = 0xff shl 24
private const val GREEN_AND_ALPHA = 0xff00ff00.toInt()
private const val BYTE = 0xff
