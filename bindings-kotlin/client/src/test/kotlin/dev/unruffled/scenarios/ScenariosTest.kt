package dev.unruffled.scenarios

import dev.unruffled.core.text
import dev.unruffled.support.FaultServer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.sync.withPermit
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.util.concurrent.atomic.AtomicInteger

/** Plays the scenarios through real sockets, once with coroutines and once with threads; the fault server judges. */
class ScenariosTest {
    @Test
    fun `scenarios, suspending`() = play("jvm") { Acting(it, blocking = false) }

    @Test
    fun `scenarios, blocking`() = play("jvm-blocking") { Acting(it, blocking = true) }

    private fun play(runtime: String, actor: (JsonObject) -> Acting) =
        FaultServer().use { server ->
            val only = System.getProperty("scenario")
            val all = server.scenarios(runtime).jsonArray.map { it.jsonObject }.filter {
                only == null ||
                    it.text("name") == only
            }
            val (alone, social) = all.partition { it["alone"] == JsonPrimitive(true) }
            val runs = AtomicInteger()

            suspend fun run(scenario: JsonObject): String? =
                failure(server, runtime, "$runtime-${runs.incrementAndGet()}", scenario, actor(scenario))
            val failures =
                runBlocking(Dispatchers.IO) {
                    val together = Semaphore(WIDTH)
                    val first = social.map { async { together.withPermit { run(it) } } }.awaitAll()
                    (first + alone.map { run(it) }).filterNotNull()
                }
            println("scenarios: ${all.size - failures.size} passed ($runtime)")
            assertEquals(emptyList<String>(), failures, failures.joinToString("\n"))
        }

    private suspend fun failure(
        server: FaultServer,
        runtime: String,
        run: String,
        scenario: JsonObject,
        actor: Acting,
    ): String? {
        val name = scenario.text("name")
        return try {
            withTimeoutOrNull(PATIENCE_MS) {
                val base = server.begin(run, scenario["server"] ?: JsonObject(emptyMap()))
                val results = actor.play(base)
                val told =
                    buildJsonObject {
                        put("scenario", scenario)
                        put("results", JsonArray(results))
                        put("credentialCalls", JsonPrimitive(actor.credentialCalls))
                    }
                val failures = server.check(run, runtime, told).jsonObject.getValue("failures").jsonArray
                server.forget(run)
                if (failures.isEmpty()) "" else "$name: ${failures.joinToString("; ") { it.jsonPrimitive.content }}"
            }.let { if (it == null) "$name: no end after $PATIENCE_MS ms" else it.ifEmpty { null } }
        } catch (@Suppress("TooGenericExceptionCaught") broken: Exception) {
            "$name: ${broken.stackTraceToString()}"
        }
    }

    private companion object {
        const val WIDTH = 4
        const val PATIENCE_MS = 30_000L
    }
}
