package dev.unruffled.client

import dev.unruffled.CallException
import dev.unruffled.Client
import dev.unruffled.Policy
import dev.unruffled.PolicyException
import dev.unruffled.Tls
import dev.unruffled.Unruffled
import dev.unruffled.core.text
import dev.unruffled.secure
import dev.unruffled.support.FaultServer
import dev.unruffled.support.House
import dev.unruffled.support.optionsOf
import java.io.File
import java.net.InetAddress
import java.net.ServerSocket
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Plays `tests/mistakes`: what typical mistakes say. `options.json` is not played: the compiler refuses what is in it. */
class MistakesTest {
    private fun entries(file: String): List<JsonObject> =
        House.read(File(House.root, "tests/mistakes/$file")).jsonArray.map { it.jsonObject }

    @Test
    fun `mistakes in a policy`() {
        for (entry in entries("policy.json")) {
            val policy = Policy.fromString(entry.getValue("policy").toString())
            val issues =
                try {
                    Unruffled.client(policy).close()
                    emptyList()
                } catch (wrong: PolicyException) {
                    wrong.issues.map { it.text }
                }
            assertEquals(entry.getValue("says").jsonArray.map { it.jsonPrimitive.content }, issues, entry.text("name"))
        }
    }

    @Test
    fun `mistakes in a call, on a thread and suspending`() {
        val failures =
            entries("calls.json").flatMapIndexed { number, entry ->
                listOf(true, false).mapNotNull { blocking ->
                    val said = said(entry, "mistake-$number-$blocking", blocking)?.replace(Regex("\\d+ ms"), "N ms")
                    if (said ==
                        entry.text("says")
                    ) {
                        null
                    } else {
                        "${entry.text("name")}\n  asked ${entry.text("says")}\n  said  $said"
                    }
                }
            }
        assertEquals(emptyList<String>(), failures, failures.joinToString("\n"))
    }

    private fun said(entry: JsonObject, run: String, blocking: Boolean): String? {
        val script = entry["server"] ?: JsonObject(emptyMap())
        val secret = if (entry.text("base") == "self-signed") Tls.server(Tls.selfSigned()) else null
        val base =
            when (val named = entry.text("base")) {
                null -> server.begin(run, script)
                "closed" -> "http://127.0.0.1:${ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use {
                    it.localPort
                }}"
                "https" -> server.begin(run, script).replace("http:", "https:")
                "self-signed" -> checkNotNull(secret).secure
                else -> named
            }
        val policy = JsonObject(entry["policy"]?.jsonObject.orEmpty() + ("baseUrl" to JsonPrimitive(base)))
        val client =
            Unruffled.client(Policy.fromString(policy.toString())) {
                (entry["credentials"] as? JsonArray)?.let { credentials { token(it) } }
            }
        if (entry["closed"] == JsonPrimitive(true)) client.close()
        return try {
            client.use { call(it, entry, blocking) }
            null
        } catch (failed: CallException) {
            failed.message
        } finally {
            secret?.close()
        }
    }

    private fun token(items: JsonArray): String {
        val item: JsonElement = items.last()
        check((item as? JsonObject)?.get("fail") != JsonPrimitive(true)) { "no credential today" }
        return item.jsonPrimitive.content
    }

    private fun call(client: Client, entry: JsonObject, blocking: Boolean) {
        val method = checkNotNull(entry.text("call")).substringBefore(' ')
        val target = checkNotNull(entry.text("call")).substringAfter(' ')
        val options = optionsOf(entry)
        if (blocking) {
            client.blocking.call(method, target, options)
        } else {
            runBlocking {
                client.call(method, target, options)
            }
        }
    }

    private companion object {
        val server = FaultServer()

        @JvmStatic
        @AfterAll
        fun end() = server.close()
    }
}
