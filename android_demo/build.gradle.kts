// Kotlin's version for all modules, the app's included: it is compiled by the Android plugin's built-in Kotlin,
// which takes the compiler that it finds here.
plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.kotlin.jvm) apply false
    alias(libs.plugins.kotlin.serialization) apply false
}
