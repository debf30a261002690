// A stub for the type check: signatures only; from memory, not compared with its source

package androidx.annotation

annotation class LayoutRes

@Retention(AnnotationRetention.BINARY)
annotation class RequiresApi(
    val value: Int,
)
