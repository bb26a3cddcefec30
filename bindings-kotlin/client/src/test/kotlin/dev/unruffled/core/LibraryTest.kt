package dev.unruffled.core

import dev.unruffled.Unruffled
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** A virtual machine that cannot load the native library: its error says what to do. */
class LibraryTest {
    private fun said(java: String, vararg options: String): String {
        val main = "dev.unruffled.core.LoadsTheLibrary"
        val command = listOf(java, *options, "-cp", System.getProperty("java.class.path"), main)
        return ProcessBuilder(command).redirectErrorStream(true).start().inputStream.bufferedReader().readText()
    }

    @Test
    fun `a file that is no library`() {
        val text =
            said("${System.getProperty("java.home")}/bin/java", "-Dunruffled.library=${File("pom.xml").absolutePath}")
        assertTrue("the native library of unruffled does not load" in text && "-Dunruffled.library=FILE" in text, text)
    }

    @Test
    fun `a virtual machine that forbids native access`() {
        val home = System.getenv(NEWER) ?: System.getProperty("java.home")
        val java = File(home, "bin/java")
        val forbids = "Unrecognized option" !in version(java)
        assertTrue(forbids || System.getenv(NEWER) == null, "$NEWER names no JDK 24 or newer")
        if (forbids) {
            val text = said("$java", "--illegal-native-access=deny")
            assertTrue("--enable-native-access=ALL-UNNAMED" in text.substringBefore("\n"), text)
        } else {
            // Before JDK 24 nothing is forbidden.
            assertEquals("", said("$java"))
        }
    }

    private fun version(java: File): String =
        ProcessBuilder("$java", "--illegal-native-access=deny", "-version").redirectErrorStream(true).start()
            .inputStream.bufferedReader().readText()

    private companion object {
        /** Where a JDK 24 or newer is. */
        const val NEWER = "UNRUFFLED_NEWER_JDK"
    }
}

/** A program for a virtual machine of its own. */
internal object LoadsTheLibrary {
    @JvmStatic
    fun main(args: Array<String>) {
        Unruffled.client("http://127.0.0.1:${args.size + 1}").close()
    }
}
