package dev.unruffled.scenarios

import dev.unruffled.CallException
import dev.unruffled.Event
import dev.unruffled.Policy
import dev.unruffled.Unruffled
import dev.unruffled.under.FutureCallback
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import java.io.Closeable
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.ExecutionException

/** Every way of making a call over one OkHttp client: each gives the status, or throws. */
internal class Ways(private val base: String, limits: String, http: OkHttpClient) : Closeable {
    /** The fault or the status of each attempt. */
    val attempts = CopyOnWriteArrayList<String>()
    private val policy = Policy.fromString("""{"baseUrl":"$base",$limits}""")
    private val client = Unruffled.client(policy) { okHttp(http) }
    private val factory = Unruffled.callFactory(policy, http)
    private val interceptor = Unruffled.interceptor(policy)
    private val under = http.newBuilder().apply { interceptors().add(0, interceptor) }.build()

    init {
        client.on(::note)
        factory.on(::note)
        interceptor.on(::note)
    }

    /** One way: its call gives the status, or throws. */
    class Way(
        val name: String,
        val isVerb: Boolean,
        val explain: (Throwable) -> String,
        val call: (String, String) -> Int,
    )

    private val ofVerbs: (Throwable) -> String = { (it as CallException).explain() }

    val all: List<Way> =
        listOf(
            Way("suspending", true, ofVerbs) { method, path ->
                runBlocking { client.call(method, path) { raise(false) }.status }
            },
            Way("blocking", true, ofVerbs) { method, path -> client.blocking.call(method, path) { raise(false) }.status },
            Way("executed", false, factory::explain) { method, path ->
                factory.newCall(request(method, path)).execute().use { it.code }
            },
            Way("enqueued", false, factory::explain) { method, path ->
                queued(factory.newCall(request(method, path))).use { it.code }
            },
            Way("interceptor", false, interceptor::explain) { method, path ->
                under.newCall(request(method, path)).execute().use { it.code }
            },
        )

    private fun note(event: Event) {
        if (event.kind == "attempt") attempts += "${event.values["fault"] ?: event.values["status"]}"
    }

    private fun request(method: String, path: String): Request {
        val body = if (method == "POST") ByteArray(0).toRequestBody() else null
        return Request.Builder().url(base + path).method(method, body).build()
    }

    private fun queued(call: Call): Response {
        val end = CompletableFuture<Response>().also { call.enqueue(FutureCallback(it)) }
        try {
            return end.get()
        } catch (failed: ExecutionException) {
            throw checkNotNull(failed.cause)
        }
    }

    override fun close() {
        client.close()
        factory.close()
        interceptor.close()
    }
}
