// The Kotlin version for all modules, including the app: the Android plugin's built-in Kotlin uses the compiler
// declared here.
plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.kotlin.jvm) apply false
    alias(libs.plugins.kotlin.serialization) apply false
}
