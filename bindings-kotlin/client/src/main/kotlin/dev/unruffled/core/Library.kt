package dev.unruffled.core

import com.sun.jna.Native
import com.sun.jna.NativeLibrary
import com.sun.jna.Platform
import java.io.File
import java.io.IOException

/**
 * Finds the native library once per process and loads it. A library that is extracted twice from a jar is two libraries
 * with two sets of engines, so everything takes its path from here.
 */
internal object Library {
    private const val NAME = "unruffled_ffi"

    /** Names a file to load instead of the one in the jar, for file systems from which nothing may be executed. */
    private const val OVERRIDE = "unruffled.library"

    /** The argument of the loader: an absolute path, or the bare name where the platform keeps libraries itself (Android). */
    val path: String by lazy { locate() }

    /** Loads the library and sets its path for the generated functions. */
    fun ready() {
        loaded
    }

    /** Whether the VM has bound the native methods of our own classes; it refuses a file that another class loader has. */
    val linked: Boolean by lazy {
        ready()
        try {
            if (path == NAME) System.loadLibrary(NAME) else System.load(path)
            true
        } catch (_: UnsatisfiedLinkError) {
            false
        }
    }

    private val loaded: NativeLibrary by lazy {
        loading {
            System.setProperty("uniffi.component.$NAME.libraryOverride", path)
            NativeLibrary.getInstance(path)
        }
    }

    /** Says what cures a virtual machine or a file system that refuses native code, JNA's own included. */
    private fun <T> loading(load: () -> T): T =
        try {
            load()
        } catch (refused: LinkageError) {
            throw refused.explained()
        } catch (refused: RuntimeException) {
            // By its name: Android does not have that class.
            if (refused.javaClass.simpleName != "IllegalCallerException") throw refused
            throw refused.explained()
        }

    private fun Throwable.explained(): UnsupportedOperationException {
        val causes = generateSequence(this) { it.cause }.toList()
        val cure =
            if (causes.any { it.javaClass.simpleName == "IllegalCallerException" }) {
                "this virtual machine forbids native access; start it with --enable-native-access=ALL-UNNAMED"
            } else {
                "if nothing may be executed from the temporary folder (${System.getProperty("java.io.tmpdir")}), name another " +
                    "with -Djna.tmpdir=FOLDER, and the unpacked library with -D$OVERRIDE=FILE"
            }
        val said = causes.firstNotNullOfOrNull { it.message }.orEmpty()
        return UnsupportedOperationException("the native library of unruffled does not load: $cure ($said)", this)
    }

    private fun locate(): String {
        System.getProperty(OVERRIDE)?.let { return File(it).absolutePath }
        if (Platform.isAndroid()) return NAME
        val resource = "/${Platform.RESOURCE_PREFIX}/${System.mapLibraryName(NAME)}"
        return try {
            loading { Native.extractFromResourcePath(resource, Library::class.java.classLoader).absolutePath }
        } catch (absent: IOException) {
            throw UnsupportedOperationException(
                "unruffled has no native library for ${Platform.RESOURCE_PREFIX} ($resource); " +
                    "build it from core/ffi and name its file in the system property $OVERRIDE",
                absent,
            )
        }
    }
}
