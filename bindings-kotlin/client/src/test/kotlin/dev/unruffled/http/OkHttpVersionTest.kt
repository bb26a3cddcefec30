package dev.unruffled.http

import dev.unruffled.Unruffled
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** A program with OkHttp 4 before OkHttp 5 on its class path: the error says so, and what to do. */
class OkHttpVersionTest {
    @Test
    fun `an older OkHttp in front is named with its cure`() {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val old = File("target/okhttp4").listFiles().orEmpty().single { it.name.startsWith("okhttp-4") }
        val path = "$old${File.pathSeparator}${System.getProperty("java.class.path")}"
        for (way in WAYS) {
            val child = ProcessBuilder(
                java,
                "-cp",
                path,
                "dev.unruffled.http.OkHttpVersionTestKt",
                way,
            ).redirectErrorStream(true).start()
            val said = child.inputStream.bufferedReader().readText()
            assertEquals(1, child.waitFor(), said)
            assertTrue("OkHttp 4 is on the class path beside OkHttp 5" in said, "$way: $said")
        }
    }

    private companion object {
        val WAYS = listOf("client", "factory", "interceptor")
    }
}

/** The program. */
internal fun main(arguments: Array<String>) {
    val base = "http://127.0.0.1:1"
    when (arguments.single()) {
        "client" -> Unruffled.client(base)
        "factory" -> Unruffled.callFactory(base)
        else -> Unruffled.interceptor(base)
    }
}
