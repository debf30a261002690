// A stub for the type check: signatures only, source: classes of androidx.lifecycle:lifecycle-runtime-android, -viewmodel-android and -common-jvm 2.11.0

package androidx.lifecycle

import android.app.Application
import kotlinx.coroutines.CoroutineScope

abstract class Lifecycle {
    enum class State { DESTROYED, INITIALIZED, CREATED, STARTED, RESUMED }
}

interface LifecycleOwner {
    val lifecycle: Lifecycle
}

abstract class LifecycleCoroutineScope internal constructor() : CoroutineScope

val LifecycleOwner.lifecycleScope: LifecycleCoroutineScope get() = TODO()

suspend fun LifecycleOwner.repeatOnLifecycle(
    state: Lifecycle.State,
    block: suspend CoroutineScope.() -> Unit,
): Unit = TODO()

abstract class ViewModel {
    protected open fun onCleared() = Unit
}

open class AndroidViewModel(
    application: Application,
) : ViewModel() {
    fun <T : Application> getApplication(): T = TODO()
}

class ViewModelProvider private constructor() {
    interface Factory
}
