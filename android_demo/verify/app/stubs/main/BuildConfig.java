// A stub for the type check: signatures only, source: what the Android Gradle plugin generates of app/build.gradle.kts
package edgewise.demo;

public final class BuildConfig {
    public static final String LITERT_VERSION = "";
    public static final String VERSION_NAME = "";

    private BuildConfig() {}
}
