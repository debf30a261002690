package edgewise.demo

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.util.AttributeSet
import android.view.View
import edgewise.core.Preprocess
import kotlin.math.min

/** Draws a frame around the model's input, over the camera preview of the same size. */
class CutView(
    context: Context,
    attributes: AttributeSet?,
) : View(context, attributes) {
    private val line =
        Paint().apply {
            style = Paint.Style.STROKE
            strokeWidth = resources.getDimension(R.dimen.frame)
            color = context.getColor(R.color.on_stage)
        }
    private var frame: Frame? = null
    private var preprocess: Preprocess? = null

    /** Outline the centre crop of a frame; draws nothing without one. */
    fun show(
        frame: Frame?,
        preprocess: Preprocess?,
    ) {
        if (frame == this.frame && preprocess === this.preprocess) return
        this.frame = frame
        this.preprocess = preprocess
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val (frame, preprocess) = (frame ?: return) to (preprocess ?: return)
        val scale = min(width / frame.width.toFloat(), height / frame.height.toFloat())
        val (wide, high) = preprocess.taken(frame.width, frame.height).toList().map { it.toFloat() * scale }
        val (left, top) = (width - wide) / 2 to (height - high) / 2
        canvas.drawRect(left, top, left + wide, top + high, line)
    }
}
