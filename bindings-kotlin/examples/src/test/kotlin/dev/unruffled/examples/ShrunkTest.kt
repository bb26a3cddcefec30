package dev.unruffled.examples

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.TimeUnit
import java.util.jar.JarFile

/** Shrinks a program with R8 by nothing but the rules in the jars, and runs what is left. Maven profile `r8`. */
class ShrunkTest {
    private val folder = File("target/shrunk").apply { mkdirs() }
    private val java = File(System.getProperty("java.home"), "bin/java").path

    @Test
    fun `a shrunk program still reaches the core`() {
        val parts = System.getProperty("java.class.path").split(File.pathSeparator).map(::File)
        val jars = parts.filter { it.extension == "jar" && NEEDED.any { name -> it.name.startsWith(name) } }
        val program = pack(parts.first { it.name == "test-classes" })
        val rules = File(folder, "rules.pro")
        rules.writeText("$KEEP\n" + jars.joinToString("\n") { carried(it) })
        val shrunk = File(folder, "shrunk.jar")
        run(
            listOf(java, "-cp", System.getProperty("r8.jar"), "com.android.tools.r8.R8", "--classfile", "--release") +
                listOf("--lib", System.getProperty("java.home"), "--pg-conf", rules.path, "--output", shrunk.path) +
                listOf("--pg-map-output", File(folder, "map.txt").path, program.path) + jars.map { it.path },
        )
        val printed = run(listOf(java, "-cp", shrunk.path, "dev.unruffled.examples.Outage"))
        assertEquals(Outage.EXPECTED, printed.trim().lines().last())
        println("shrunk: ${(jars + program).sumOf { it.length() } / KB} KB to ${shrunk.length() / KB} KB")
    }

    /** Returns the shrinking rules in a jar. */
    private fun carried(jar: File): String =
        JarFile(jar).use { packed ->
            packed.entries().asSequence()
                .filter { it.name.startsWith("META-INF/proguard/") && !it.isDirectory }
                .joinToString("\n") { packed.getInputStream(it).reader().readText() }
        }

    private fun pack(classes: File): File {
        val jar = File(folder, "program.jar")
        val own = "dev/unruffled/examples/Outage.class"
        run(listOf(File(System.getProperty("java.home"), "bin/jar").path, "cf", jar.path, "-C", classes.path, own))
        return jar
    }

    private fun run(command: List<String>): String {
        val process = ProcessBuilder(command).redirectErrorStream(true).start()
        val text = process.inputStream.reader().readText()
        check(process.waitFor(MINUTES, TimeUnit.MINUTES) && process.exitValue() == 0) { "${command.take(4)}: $text" }
        return text
    }

    private companion object {
        const val KB = 1_024
        const val MINUTES = 5L
        const val KEEP =
            "-keep class dev.unruffled.examples.Outage { public static void main(java.lang.String[]); }\n" +
                // Optional parts of OkHttp; its Android variant says so itself.
                "-dontwarn org.bouncycastle.jsse.**,org.conscrypt.**,org.openjsse.**"
        val NEEDED =
            listOf("unruffled-0", "jna-", "okhttp-jvm-", "okio-jvm-", "kotlin-stdlib-", "kotlinx-", "annotations-")
    }
}
