import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.kotlin.jvm)
    alias(libs.plugins.kotlin.serialization)
}

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
}

kotlin {
    compilerOptions {
        allWarningsAsErrors = true
        jvmTarget = JvmTarget.JVM_17
    }
}

dependencies {
    api(libs.serialization.json)
    testImplementation(libs.jupiter)
    testImplementation(libs.kotest.property)
    testRuntimeOnly(libs.jupiter.launcher)
}

tasks.test {
    useJUnitPlatform()
    // The folder of Python's golden vectors; tests that need them are skipped without it.
    for (name in listOf("vectors", "bundle", "written")) {
        val folder = providers.systemProperty("edgewise.$name").orNull ?: continue
        systemProperty("edgewise.$name", folder)
    }
}
