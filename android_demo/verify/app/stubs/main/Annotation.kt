// A stub for the type check: signatures only, source: classes of androidx.annotation:annotation-jvm:1.9.1

package androidx.annotation

annotation class LayoutRes

@Retention(AnnotationRetention.BINARY)
annotation class RequiresApi(
    val value: Int,
)
