package dev.unruffled.scenarios

import dev.unruffled.ApiResponse
import dev.unruffled.CallException
import dev.unruffled.Client
import dev.unruffled.ClientOptions
import dev.unruffled.Policy
import dev.unruffled.ResilientCallFactory
import dev.unruffled.StatusException
import dev.unruffled.Token
import dev.unruffled.Unruffled
import dev.unruffled.client.BaseUrl
import dev.unruffled.client.Template
import dev.unruffled.core.number
import dev.unruffled.core.plain
import dev.unruffled.core.text
import dev.unruffled.support.optionsOf
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.cancellation.CancellationException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.withContext
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response

/** Plays the actions of one scenario with one client and reports what happened. Expects nothing. */
internal class Acting(private val scenario: JsonObject, private val blocking: Boolean) {
    private val asked = AtomicInteger()
    private lateinit var client: Client
    private lateinit var calls: ResilientCallFactory
    private lateinit var home: BaseUrl

    /** The number of calls of the credentials function. */
    val credentialCalls: Int get() = asked.get()

    suspend fun play(base: String): List<JsonElement> {
        val policy = JsonObject(scenario["policy"]?.jsonObject.orEmpty() + ("baseUrl" to JsonPrimitive(base)))
        client =
            Unruffled.client(Policy.fromString(policy.toString())) {
                scenario["credentials"]?.jsonArray?.let { credentials(this, it) }
                scenario.text("correlation")?.let { text -> correlationId { text } }
            }
        calls = client.callFactory()
        home = BaseUrl(base)
        return client.use { scenario.getValue("do").jsonArray.map { action(it.jsonObject) } }
    }

    private fun credentials(options: ClientOptions, items: JsonArray) {
        suspend fun next(): JsonElement {
            val item = items[minOf(asked.getAndIncrement(), items.size - 1)]
            if (item is JsonObject) {
                item["delay"]?.let { delay(it.jsonPrimitive.long) }
                check(item["fail"] != JsonPrimitive(true)) { "no credential today" }
            }
            return item
        }
        if (items.none { it is JsonObject && "token" in it }) {
            options.credentials { next().jsonPrimitive.content }
            return
        }
        options.credentials {
            val item = next()
            val until = (item as? JsonObject)?.get("expiresIn")?.let {
                System.currentTimeMillis() +
                    it.jsonPrimitive.long
            }
            Token((item as? JsonObject)?.text("token") ?: item.jsonPrimitive.content, until)
        }
    }

    private suspend fun action(action: JsonObject): JsonElement =
        when {
            "pause" in action -> NOTHING.also { delay(action.number("pause")) }
            "close" in action -> NOTHING.also { client.close() }
            "together" in action -> JsonObject(mapOf("calls" to JsonArray(together(action))))
            else -> coroutineScope { call(action, 0, System.nanoTime()) }
        }

    private suspend fun together(action: JsonObject): List<JsonElement> =
        coroutineScope {
            val begun = System.nanoTime()
            val width = Semaphore(action["width"]?.jsonPrimitive?.int ?: Int.MAX_VALUE)
            val every = action["every"]?.jsonPrimitive?.long ?: 0
            val calls: List<Deferred<JsonElement>> =
                (0 until action.number("together").toInt()).map { i ->
                    if (every > 0) delay(every * i - since(begun).toLong())
                    // Taken here, so that calls begin in order: threads would race for the permit.
                    width.acquire()
                    async {
                        try {
                            call(action, i, begun)
                        } finally {
                            width.release()
                        }
                    }
                }
            calls.awaitAll()
        }

    private suspend fun CoroutineScope.call(action: JsonObject, i: Int, begun: Long): JsonElement {
        val call = PlannedCall(numbered(action, i) as JsonObject)
        val start = since(begun)
        val at = System.nanoTime()
        val thread = Lent()
        val playing = async { if (blocking) thread.run { call.play(null) } else call.play(this) }
        val cancelling =
            action["cancelAfter"]?.let {
                launch {
                    delay(it.jsonPrimitive.long)
                    if (blocking) thread.interrupt() else call.cancel()
                }
            }
        action["closeAfter"]?.let {
            launch {
                delay(it.jsonPrimitive.long)
                client.close()
            }
        }
        val result = playing.await()
        cancelling?.cancel()
        return JsonObject(mapOf("start" to JsonPrimitive(start), "ms" to JsonPrimitive(call.ms ?: since(at))) + result)
    }

    /** A call with its numbers filled in, and its result. */
    private inner class PlannedCall(private val action: JsonObject) {
        private val method = checkNotNull(action.text("call")).substringBefore(' ')
        private val target = checkNotNull(action.text("call")).substringAfter(' ')
        private val options = optionsOf(action)
        private val began = System.nanoTime()
        private var job: Deferred<Map<String, JsonElement>>? = null

        /** Milliseconds until the end, for streams until the headers. */
        var ms: Double? = null
            private set

        fun cancel() {
            job?.cancel(CancellationException("the caller's own"))
        }

        /** Plays with coroutines in a scope of its own, or on this thread. */
        suspend fun play(scope: CoroutineScope?): Map<String, JsonElement> {
            if (scope == null) return outcome { threaded() }
            return withContext(NonCancellable) {
                val own = CoroutineScope(scope.coroutineContext + Job()).async { outcome { suspended() } }
                job = own
                try {
                    own.await()
                } catch (cancelled: CancellationException) {
                    error(cancelled)
                }
            }
        }

        private inline fun outcome(work: () -> Map<String, JsonElement>): Map<String, JsonElement> =
            try {
                work().also { ms = ms ?: since(began) }
            } catch (@Suppress("TooGenericExceptionCaught") failed: Exception) {
                ms = ms ?: since(began)
                error(failed)
            }

        private suspend fun suspended(): Map<String, JsonElement> =
            if (dropIn) {
                answered(calls.newCall(request()).await())
            } else if (action["stream"] == JsonPrimitive(true)) {
                client.stream(target, options, method) { drained(it) }
            } else {
                read(client.call(method, target, options))
            }

        private fun threaded(): Map<String, JsonElement> {
            if (dropIn) return answered(calls.newCall(request()).execute())
            val client = client.blocking
            return if (action["stream"] == JsonPrimitive(true)) {
                client.stream(target, options, method) { drained(it) }
            } else {
                read(client.call(method, target, options))
            }
        }

        /** Makes the request as a program without verbs writes it. */
        private fun request(): Request {
            val sent = options.body ?: action["json"]?.toString()?.toRequestBody()
            val request = Request.Builder().url(home.url(Template.read(target), options.path, options.query, emptyMap()))
            request.method(method, sent)
            options.headers.forEach { (name, value) -> request.header(name, value) }
            return request.build()
        }

        private fun answered(response: Response): Map<String, JsonElement> =
            response.use {
                if (action["stream"] == JsonPrimitive(true)) return drained(it)
                val text = it.body.string()
                val json = if (text.isEmpty()) JsonNull else Json.parseToJsonElement(text)
                mapOf("status" to JsonPrimitive(it.code), "json" to json)
            }

        private fun read(answer: ApiResponse): Map<String, JsonElement> =
            mapOf(
                "status" to JsonPrimitive(answer.status),
                when (val way = action.text("as") ?: "json") {
                    "text" -> way to JsonPrimitive(answer.text())
                    "bytes" -> way to JsonPrimitive(answer.bytes.size)
                    else -> "json" to (answer.body<JsonElement?>() ?: JsonNull)
                },
            )

        private fun drained(response: Response): Map<String, JsonElement> {
            ms = since(began)
            val source = response.body.source()
            var bytes = 0L
            val end =
                try {
                    while (!source.exhausted()) {
                        bytes += source.buffer.size
                        source.skip(source.buffer.size)
                    }
                    "readMs" to JsonPrimitive(since(began))
                } catch (_: IOException) {
                    "broke" to JsonPrimitive(since(began))
                }
            return mapOf("status" to JsonPrimitive(response.code), "bytes" to JsonPrimitive(bytes), end)
        }
    }

    /** A thread of its own for one blocking call, so that no other call is interrupted. */
    private class Lent {
        private val pool = Executors.newSingleThreadExecutor { Thread(it, "caller").apply { isDaemon = true } }

        @Volatile
        private var thread: Thread? = null

        suspend fun <T> run(work: suspend () -> T): T =
            pool.asCoroutineDispatcher().use { own ->
                withContext(own) {
                    thread = Thread.currentThread()
                    work().also { Thread.interrupted() }
                }
            }

        fun interrupt() {
            thread?.interrupt()
        }
    }

    private val dropIn = scenario["client"] == JsonPrimitive("dropin")

    /** Awaits a call of OkHttp's, as programs commonly do. */
    private suspend fun Call.await(): Response =
        suspendCancellableCoroutine { continuation ->
            continuation.invokeOnCancellation { cancel() }
            enqueue(
                object : Callback {
                    override fun onFailure(call: Call, e: IOException) = continuation.resumeWithException(e)

                    override fun onResponse(call: Call, response: Response) = continuation.resume(response)
                },
            )
        }

    private fun error(failed: Exception): Map<String, JsonElement> {
        val told = told(failed)
        // The errors as a caller of OkHttp sees them. An interrupt is a cancellation by the caller.
        val own = failed is CancellationException || (failed as? InterruptedIOException)?.message == "interrupted"
        if (!dropIn || failed !is IOException || own) return told
        val family = if (failed is InterruptedIOException) "timeout" else "connection"
        val text = "$failed\n${failed.cause}\n${calls.explain(failed)}"
        val name = JsonPrimitive(failed.javaClass.simpleName)
        return mapOf(
            "error" to JsonPrimitive("native"),
            "family" to JsonPrimitive(family),
            "name" to name,
            "text" to JsonPrimitive(text),
        )
    }

    private companion object {
        val NOTHING = JsonObject(emptyMap())

        fun since(begun: Long): Double = (System.nanoTime() - begun) / 1e6

        /** `$i` in every text is the number of the call. */
        fun numbered(value: JsonElement, i: Int): JsonElement =
            when (value) {
                is JsonObject -> JsonObject(value.mapValues { numbered(it.value, i) })
                is JsonArray -> JsonArray(value.map { numbered(it, i) })
                is JsonPrimitive -> if (value.isString) JsonPrimitive(value.content.replace("\$i", "$i")) else value
            }

        fun told(failed: Exception): Map<String, JsonElement> {
            val kind =
                when (failed) {
                    is StatusException -> "status"
                    is CallException -> "call"
                    is SerializationException -> "parse"
                    is CancellationException, is InterruptedIOException -> "cancelled"
                    is IllegalStateException -> "misuse"
                    else -> "native"
                }
            val told =
                mapOf(
                    "error" to JsonPrimitive(kind),
                    "name" to JsonPrimitive(failed.javaClass.simpleName),
                    "text" to JsonPrimitive("$failed\n${(failed as? CallException)?.explain().orEmpty()}"),
                )
            if (failed !is CallException) return told
            return told +
                mapOf(
                    "reason" to JsonPrimitive(failed.reason.text),
                    "outcome" to JsonPrimitive(failed.outcome.text),
                    "attempts" to JsonPrimitive(failed.attempts),
                    "status" to JsonPrimitive(failed.status),
                    "retryAfterMs" to JsonPrimitive(failed.retryAfterMs),
                )
        }
    }
}
