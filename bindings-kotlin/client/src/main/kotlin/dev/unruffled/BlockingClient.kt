package dev.unruffled

import dev.unruffled.client.CallOptions
import dev.unruffled.client.Verbs
import dev.unruffled.http.onThisThread
import okhttp3.RequestBody
import okhttp3.Response
import kotlin.time.Duration

/**
 * The verbs of [Client] for threads: each returns when the answer is whole, and waits on the caller's own thread. An
 * interrupt ends a call at once, or within 10 ms while it sits in a socket, as [java.io.InterruptedIOException]; the thread
 * stays interrupted. Not for Android's main thread.
 */
public class BlockingClient internal constructor(private val verbs: Verbs) {
    /** GET [target]. */
    @Suppress("LongParameterList")
    public fun get(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        deadline: Duration? = null,
        raise: Boolean = true,
    ): ApiResponse = call("GET", target, path, query, headers, deadline = deadline, raise = raise)

    /** HEAD [target]. */
    @Suppress("LongParameterList")
    public fun head(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        deadline: Duration? = null,
        raise: Boolean = true,
    ): ApiResponse = call("HEAD", target, path, query, headers, deadline = deadline, raise = raise)

    /** POST to [target]. */
    @Suppress("LongParameterList")
    public fun post(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        form: Map<String, Any?>? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        raise: Boolean = true,
    ): ApiResponse = call("POST", target, path, query, headers, json, form, body, deadline, idempotencyKey, raise)

    /** PUT to [target]. */
    @Suppress("LongParameterList")
    public fun put(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        form: Map<String, Any?>? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        raise: Boolean = true,
    ): ApiResponse = call("PUT", target, path, query, headers, json, form, body, deadline, idempotencyKey, raise)

    /** PATCH [target]. */
    @Suppress("LongParameterList")
    public fun patch(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        form: Map<String, Any?>? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        raise: Boolean = true,
    ): ApiResponse = call("PATCH", target, path, query, headers, json, form, body, deadline, idempotencyKey, raise)

    /** DELETE [target]. */
    @Suppress("LongParameterList")
    public fun delete(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        raise: Boolean = true,
    ): ApiResponse = call("DELETE", target, path, query, headers, json, null, body, deadline, idempotencyKey, raise)

    /** QUERY [target]: a safe request with a body. */
    @Suppress("LongParameterList")
    public fun query(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        form: Map<String, Any?>? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        raise: Boolean = true,
    ): ApiResponse = call("QUERY", target, path, query, headers, json, form, body, deadline, raise = raise)

    /** Any [method], upper case, to [target]. */
    @Suppress("LongParameterList")
    public fun call(
        method: String,
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        form: Map<String, Any?>? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        raise: Boolean = true,
    ): ApiResponse =
        call(method, target, CallOptions(path, query, headers, json, form, body, deadline, idempotencyKey, raise))

    internal fun call(method: String, target: String, options: CallOptions): ApiResponse {
        refuseMainThread()
        return onThisThread { verbs.answer(method, target, options) }
    }

    /**
     * Lends OkHttp's response to [use] as soon as its headers are there, and closes it afterwards. Once the headers are
     * there nothing is retried; the policy's `idle` limits the time between two pieces of the body.
     */
    @Suppress("LongParameterList")
    public fun <T> stream(
        target: String,
        method: String = "GET",
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        use: (Response) -> T,
    ): T {
        val options = CallOptions(path, query, headers, json, null, body, deadline, idempotencyKey)
        refuseMainThread()
        return onThisThread { verbs.open(method, target, options) }.use(use)
    }

    private fun refuseMainThread() {
        check(!ANDROID || Thread.currentThread().name != "main") { "a blocking call on the main thread; use the suspending one" }
    }

    private companion object {
        val ANDROID = System.getProperty("java.vendor").orEmpty().contains("Android")
    }
}
