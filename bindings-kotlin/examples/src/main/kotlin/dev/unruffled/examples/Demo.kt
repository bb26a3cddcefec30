package dev.unruffled.examples

import dev.unruffled.CallException
import dev.unruffled.Client
import dev.unruffled.Policy
import dev.unruffled.Unruffled
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.util.UUID
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.atomic.AtomicInteger
import kotlin.math.floor

/**
 * Puts one client under steady load: calls start on a schedule, even if earlier ones are slow or fail. Prints a line of
 * JSON every 250 ms and a last one with all results.
 *
 * `--url BASE [--policy FILE] --rate CALLS_PER_S --seconds S [--writes SHARE] [--get PATH]`
 */
fun main(arguments: Array<String>) {
    val options = arguments.toList().chunked(2).associate { (name, value) -> name.removePrefix("--") to value }
    val url = options.getValue("url")
    val policy = options["policy"]?.let { Policy.fromFile(it) }
    val client = if (policy == null) Unruffled.client(url) else Unruffled.client(policy) { baseUrl(url) }
    val load = Load(client, options["writes"]?.toDouble() ?: 0.0, options["get"])
    client.use {
        runBlocking(Dispatchers.Default) {
            load.play(options.getValue("rate").toDouble(), options.getValue("seconds").toDouble())
        }
    }
}

/** The load on one client, and its results. */
private class Load(private val client: Client, private val writes: Double, private val path: String?) {
    private val begun = System.nanoTime()
    private val calls = AtomicInteger()
    private val succeeded = AtomicInteger()
    private val failed = AtomicInteger()
    private val failures = ConcurrentHashMap<String, AtomicInteger>()
    private val ends = ConcurrentLinkedQueue<JsonArray>()
    private val latencies = ConcurrentLinkedQueue<JsonPrimitive>()

    suspend fun play(rate: Double, seconds: Double) {
        coroutineScope {
            val telling =
                launch {
                    while (true) {
                        delay(REPORT_MS)
                        say(progress())
                    }
                }
            coroutineScope {
                val all = (rate * seconds).toInt()
                for (i in 0 until all) {
                    val wait = i * SECOND / rate - now()
                    if (wait > 0) delay(wait.toLong())
                    launch { one(isWrite(i)) }
                }
            }
            telling.cancel()
        }
        say(progress())
        say(summary())
    }

    /** Spreads the writes evenly over the calls. */
    private fun isWrite(i: Int): Boolean = path == null && floor((i + 1) * writes) > floor(i * writes)

    private suspend fun one(write: Boolean) {
        val number = calls.incrementAndGet()
        val start = now()
        val reason =
            try {
                when {
                    write -> client.post("/orders") { json(mapOf("op" to UUID.randomUUID().toString())) }
                    path != null -> client.get(path)
                    else -> client.get("/items/{id}") { path("id", number) }
                }
                null
            } catch (failure: CallException) {
                failure.reason.text
            }
        val end = now()
        if (reason == null) {
            succeeded.incrementAndGet()
        } else {
            failed.incrementAndGet()
            failures.getOrPut(reason) { AtomicInteger() }.incrementAndGet()
        }
        latencies += number(end - start)
        val kind = JsonPrimitive(if (write) "write" else "read")
        ends += JsonArray(listOf(number(start), number(end), JsonPrimitive(if (reason == null) 1 else 0), kind))
    }

    private fun progress(): JsonObject {
        val snapshot = client.snapshot()
        val upstream = (snapshot["upstreams"] as? List<*>)?.firstOrNull() as? Map<*, *>
        return JsonObject(
            counts(snapshot) +
                mapOf(
                    "at" to number(now()),
                    "breaker" to ((upstream?.get("breaker") as? String)?.let(::JsonPrimitive) ?: JsonNull),
                    "tokens" to ((upstream?.get("budget") as? Long)?.let { number(it / MILLION) } ?: JsonNull),
                    "waiting" to JsonPrimitive(snapshot["waiting"] as? Long ?: 0),
                    "inFlight" to JsonPrimitive(snapshot["inFlight"] as? Long ?: 0),
                ),
        )
    }

    private fun summary(): JsonObject =
        JsonObject(
            mapOf("done" to JsonPrimitive(true)) + counts(client.snapshot()) +
                mapOf(
                    "failures" to JsonObject(failures.mapValues { JsonPrimitive(it.value.get()) }),
                    "latencies" to JsonArray(latencies.toList()),
                    "ends" to JsonArray(ends.toList()),
                ),
        )

    private fun counts(snapshot: Map<String, Any?>): Map<String, JsonElement> =
        mapOf(
            "calls" to JsonPrimitive(calls.get()),
            "succeeded" to JsonPrimitive(succeeded.get()),
            "failed" to JsonPrimitive(failed.get()),
            "attempts" to JsonPrimitive(snapshot["attempts"] as? Long ?: 0),
        )

    private fun now(): Double = (System.nanoTime() - begun) / MILLION

    private companion object {
        const val REPORT_MS = 250L
        const val SECOND = 1_000.0
        const val MILLION = 1e6
        const val TENTHS = 10.0

        fun number(ms: Double): JsonPrimitive = JsonPrimitive(Math.round(ms * TENTHS) / TENTHS)

        fun say(line: JsonObject) {
            println(line)
            System.out.flush()
        }
    }
}
