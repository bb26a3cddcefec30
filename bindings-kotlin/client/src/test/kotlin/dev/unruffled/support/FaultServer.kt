package dev.unruffled.support

import dev.unruffled.core.number
import dev.unruffled.core.text
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import java.io.Closeable
import java.io.File
import java.io.IOException
import java.util.concurrent.TimeUnit

/** The loopback fault server, started for one test class; tests/README.md has its protocol. */
internal class FaultServer : Closeable {
    private val process: Process
    private val address: String
    private val http = OkHttpClient.Builder().readTimeout(CHECK_SECONDS, TimeUnit.SECONDS).build()

    init {
        val binary = File(System.getenv("UNRUFFLED_FAULTS") ?: "${House.root}/target/tools/unruffled-faults")
        check(binary.isFile) { "$binary is not there: cargo build --profile tools -p unruffled-faults" }
        process =
            ProcessBuilder(binary.path, "--scenarios", "${House.root}/tests/scenarios")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
        val line =
            process.inputStream.bufferedReader().readLine() ?: throw IOException("the fault server ended at once")
        address = checkNotNull(Json.parseToJsonElement(line).jsonObject.text("address"))
    }

    /** Returns the scenarios that a runtime plays. */
    fun scenarios(runtime: String): JsonElement = control("GET", "scenarios?runtime=$runtime", null)

    /** Begins a run by its script. Returns its base URL. */
    fun begin(run: String, script: JsonElement): String =
        checkNotNull(control("PUT", "runs/$run", script).jsonObject.text("base"))

    /** Has the results of a run judged. */
    fun check(run: String, runtime: String, results: JsonElement): JsonElement =
        control("POST", "runs/$run/check?runtime=$runtime", results)

    /** Begins a run by its script as JSON. Returns its base URL. */
    fun begin(run: String, script: String): String = begin(run, Json.parseToJsonElement(script))

    /** Returns the number of requests of a run. */
    fun requests(run: String): Int =
        control("GET", "runs/$run?brief", null).jsonObject.getValue("totals").jsonObject.number("requests").toInt()

    /** Returns the requests of a run, in order of arrival. */
    fun seen(run: String): List<JsonObject> =
        control("GET", "runs/$run", null).jsonObject.getValue("requests").jsonArray.map { it.jsonObject }

    fun forget(run: String) {
        control("DELETE", "runs/$run", null)
    }

    private fun control(method: String, path: String, body: JsonElement?): JsonElement {
        val request = Request.Builder().url(
            "$address/_faults/$path",
        ).method(method, body?.toString()?.toRequestBody()).build()
        http.newCall(request).execute().use { answer ->
            val text = answer.body.string()
            if (!answer.isSuccessful) throw IOException("$method $path: ${answer.code} $text")
            return if (text.isBlank()) JsonNull else Json.parseToJsonElement(text)
        }
    }

    override fun close() {
        process.outputStream.close()
        if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) process.destroy()
        http.connectionPool.evictAll()
    }

    private companion object {
        const val CHECK_SECONDS = 30L
        const val END_SECONDS = 5L
    }
}
