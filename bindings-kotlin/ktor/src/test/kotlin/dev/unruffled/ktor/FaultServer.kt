package dev.unruffled.ktor

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.io.Closeable
import java.io.File
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URI
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger

/** The loopback fault server; tests/README.md has its protocol. */
internal class FaultServer : Closeable {
    private val process: Process
    private val address: String
    private val runs = AtomicInteger()

    init {
        val root = generateSequence(File("").absoluteFile) {
            it.parentFile
        }.first { File(it, "tests/README.md").isFile }
        val binary = File(System.getenv("UNRUFFLED_FAULTS") ?: "$root/target/tools/unruffled-faults")
        check(binary.isFile) { "$binary is not there: cargo build --profile tools -p unruffled-faults" }
        process = ProcessBuilder(binary.path).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val line =
            process.inputStream.bufferedReader().readLine() ?: throw IOException("the fault server ended at once")
        address = Json.parseToJsonElement(line).jsonObject.getValue("address").jsonPrimitive.content
    }

    /** One run of a script. */
    inner class Run(script: String) {
        private val path = "/_faults/runs/ktor-${runs.incrementAndGet()}"

        /** The base URL of the run. */
        val base: String =
            Json.parseToJsonElement(control("PUT", path, script)).jsonObject.getValue("base").jsonPrimitive.content

        /** Returns a sum of what the server has seen, by its name. */
        fun total(name: String): Long {
            val log: JsonObject = Json.parseToJsonElement(control("GET", "$path?brief", null)).jsonObject
            return log.getValue("totals").jsonObject.getValue(name).jsonPrimitive.long
        }
    }

    private fun control(method: String, path: String, body: String?): String {
        val connection = URI("$address$path").toURL().openConnection() as HttpURLConnection
        connection.requestMethod = method
        if (body != null) {
            connection.doOutput = true
            connection.outputStream.use { it.write(body.encodeToByteArray()) }
        }
        return connection.inputStream.use { it.readBytes().decodeToString() }
    }

    override fun close() {
        process.outputStream.close()
        if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) process.destroy()
    }

    private companion object {
        const val END_SECONDS = 5L
    }
}
