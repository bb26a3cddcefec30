package dev.unruffled.clients

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import java.io.Closeable
import java.io.File
import java.io.IOException
import java.util.concurrent.TimeUnit

/** The loopback fault server with the adapters' scenarios; tests/README.md has its protocol. */
internal class Faults : Closeable {
    private val process: Process
    private val address: String
    private val http = OkHttpClient.Builder().readTimeout(CHECK_SECONDS, TimeUnit.SECONDS).build()

    init {
        val root = generateSequence(File("").absoluteFile) {
            it.parentFile
        }.first { File(it, "tests/README.md").isFile }
        val binary = File(System.getenv("UNRUFFLED_FAULTS") ?: "$root/target/tools/unruffled-faults")
        check(binary.isFile) { "$binary is not there: cargo build --profile tools -p unruffled-faults" }
        process =
            ProcessBuilder(binary.path, "--scenarios", "$root/tests/adapters")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
        val line =
            process.inputStream.bufferedReader().readLine() ?: throw IOException("the fault server ended at once")
        address = Json.parseToJsonElement(line).jsonObject.getValue("address").jsonPrimitive.content
    }

    /** Returns the scenarios that adapters play. */
    fun scenarios(): JsonElement = control("GET", "scenarios?runtime=adapters", null)

    /** Begins a run by its script, or begins it anew. Returns its base URL. */
    fun begin(run: String, script: JsonElement): String =
        control("PUT", "runs/$run", script).jsonObject.getValue("base").jsonPrimitive.content

    /** Has the results of a run judged. */
    fun check(run: String, results: JsonElement): JsonElement =
        control("POST", "runs/$run/check?runtime=adapters", results)

    fun forget(run: String) {
        control("DELETE", "runs/$run", null)
    }

    private fun control(method: String, path: String, body: JsonElement?): JsonElement {
        val request =
            Request.Builder().url("$address/_faults/$path").method(method, body?.toString()?.toRequestBody()).build()
        http.newCall(request).execute().use { answer ->
            val text = answer.body.string()
            if (!answer.isSuccessful) throw IOException("$method $path: ${answer.code} $text")
            return if (text.isBlank()) JsonNull else Json.parseToJsonElement(text)
        }
    }

    override fun close() {
        process.outputStream.close()
        if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) process.destroy()
    }

    private companion object {
        const val CHECK_SECONDS = 30L
        const val END_SECONDS = 5L
    }
}
