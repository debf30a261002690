// A stub for the type check: signatures only, source: androidx/androidx, camera/camera-core/api/1.7.0-rc01.txt
package androidx.camera.core;

public final class CameraInfoUnavailableException extends Exception {
    public CameraInfoUnavailableException(String message) {
        super(message);
    }
}
