package dev.unruffled.ktor

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** Runs the example as a program while its server fails. */
class ExampleTest {
    @Test
    fun `the example gets its order from a server that refuses it first`() =
        FaultServer().use { server ->
            val run = server.Run("""{"answers":[{"status":503}],"then":{"json":{"id":7}}}""")
            val java = File(System.getProperty("java.home"), "bin/java").path
            val program =
                ProcessBuilder(
                    java,
                    "-cp",
                    System.getProperty("java.class.path"),
                    "dev.unruffled.ktor.examples.KtorClientKt",
                )
                    .redirectErrorStream(true)
                    .apply { environment()["API_URL"] = run.base }
                    .start()
            val said = program.inputStream.bufferedReader().readText()
            assertEquals(0, program.waitFor(), said)
            assertTrue("200 OK: {\"id\":7}" in said, said)
            assertEquals(2L, run.total("requests"))
        }
}
