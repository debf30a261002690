// A stub for the type check: signatures only, source: androidx/androidx, camera/camera-core/api/1.7.0-rc01.txt

package androidx.camera.core.resolutionselector

class AspectRatioStrategy(
    preferredAspectRatio: Int,
    fallbackRule: Int,
) {
    companion object {
        @JvmField val RATIO_4_3_FALLBACK_AUTO_STRATEGY: AspectRatioStrategy = TODO()
    }
}

class ResolutionSelector private constructor() {
    class Builder {
        fun setAspectRatioStrategy(strategy: AspectRatioStrategy): Builder = TODO()

        fun build(): ResolutionSelector = TODO()
    }
}
