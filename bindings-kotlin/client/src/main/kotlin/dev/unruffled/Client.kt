package dev.unruffled

import dev.unruffled.client.CallOptions
import dev.unruffled.client.Calls
import dev.unruffled.client.Verbs
import dev.unruffled.driver.Credential
import dev.unruffled.driver.Engine
import dev.unruffled.http.Blocking
import dev.unruffled.http.Suspending
import dev.unruffled.http.Transport
import dev.unruffled.under.AttemptFactory
import dev.unruffled.under.DropIn
import okhttp3.RequestBody
import okhttp3.Response
import java.io.Closeable
import kotlin.experimental.ExperimentalTypeInference
import kotlin.time.Duration

/**
 * A client of one API that retries, waits and limits as its policy says. Safe for any number of coroutines and threads: keep
 * one per API. Closing it at the end is optional: it keeps no process alive.
 *
 * Every verb suspends until the answer is whole, and throws [CallException] ([StatusException] for a status of 400 or above
 * unless `raise = false`). Cancellation is effective at once and passes untouched. [blocking] does the same for threads.
 *
 * Of each call may be given: `path`, the values of the template's `{names}`; `query`, where `null` is left out and lists
 * repeat; `headers`; one of `json` (a serializable value, a map, a list, a `JsonElement`), `form` and `body`; `deadline`, in
 * place of the policy's total; `idempotencyKey`, or [Unruffled.NEW_KEY].
 */
public class Client internal constructor(
    internal val engine: Engine,
    internal val transport: Transport,
    internal val calls: Calls,
) : Closeable {
    private val verbs = Verbs(engine, calls, Suspending(transport))

    /** This client for threads: same engine, same limits, same credentials. */
    public val blocking: BlockingClient by lazy { BlockingClient(Verbs(engine, calls, Blocking(transport, engine.clock))) }

    /** GET [target]. */
    @Suppress("LongParameterList")
    public suspend fun get(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        deadline: Duration? = null,
        raise: Boolean = true,
    ): ApiResponse = call("GET", target, path, query, headers, deadline = deadline, raise = raise)

    /** HEAD [target]. */
    @Suppress("LongParameterList")
    public suspend fun head(
        target: String,
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        deadline: Duration? = null,
        raise: Boolean = true,
    ): ApiResponse = call("HEAD", target, path, query, headers, deadline = deadline, raise = raise)

    /** POST to [target]. */
    @Suppress("LongParameterList")
    public suspend fun post(
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
    public suspend fun put(
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
    public suspend fun patch(
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
    public suspend fun delete(
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
    public suspend fun query(
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
    public suspend fun call(
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

    /**
     * Lends OkHttp's response to [use] as soon as its headers are there, and closes it afterwards. Once the headers are
     * there nothing is retried; the policy's `idle` limits the time between two pieces of the body.
     */
    @Suppress("LongParameterList")
    public suspend fun <T> stream(
        target: String,
        method: String = "GET",
        path: Map<String, Any> = emptyMap(),
        query: Map<String, Any?> = emptyMap(),
        headers: Map<String, String> = emptyMap(),
        json: Any? = null,
        body: RequestBody? = null,
        deadline: Duration? = null,
        idempotencyKey: String? = null,
        use: suspend (Response) -> T,
    ): T {
        val options = CallOptions(path, query, headers, json, null, body, deadline, idempotencyKey)
        return verbs.open(method, target, options).use { use(it) }
    }

    /** A view on this client that sends other credentials: same limits and connections, tokens never mixed. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    public fun withCredentials(token: suspend () -> String): Client = view(Credential.Source(token, null))

    /** A view whose function gives a [Token], which is retained until it expires. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    @JvmName("withTokens")
    public fun withCredentials(token: suspend () -> Token): Client = view(Credential.Source(null) { token() })

    /** A view whose function receives the reason why a token is needed. */
    public fun withCredentialsFor(token: suspend (Need) -> Token): Client = view(Credential.Source(null, token))

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = engine.events.add(listener)

    /** Breaker, budget, limits and queues at this moment: plain values as the core names them. */
    public fun snapshot(): Map<String, Any?> = engine.snapshot()

    /**
     * A drop-in for `OkHttpClient` that shares this client's engine, limits and connections:
     * `Retrofit.Builder().callFactory(orders.callFactory())`. It sends requests as they are: no headers of the policy, no
     * credentials. Closed with this client.
     */
    public fun callFactory(): ResilientCallFactory = ResilientCallFactory(DropIn(engine), AttemptFactory(transport.given, engine.settings))

    /**
     * An interceptor that shares this client's engine, for where no call factory fits:
     * `OkHttpClient.Builder().addInterceptor(orders.interceptor())`.
     */
    public fun interceptor(): ResilientInterceptor = ResilientInterceptor(DropIn(engine))

    /** Ends all waits with the reason `closed`. Calls in flight may still deliver; new ones fail. Views are closed with it. */
    override fun close() {
        engine.close()
    }

    internal suspend fun call(method: String, target: String, options: CallOptions): ApiResponse =
        verbs.answer(method, target, options)

    private fun view(source: Credential.Source): Client =
        Client(engine, transport, calls.with(Credential(engine, source, transport.dispatcher, calls.origin)))

    internal companion object {
        /** Makes a client over [engine]. Closes the engine if that fails. */
        fun of(engine: Engine, options: ClientOptions): Client {
            try {
                val transport = Transport(options.okHttp, engine.settings)
                val credential = options.source?.let { Credential(engine, it, transport.dispatcher) }
                return Client(engine, transport, Calls(engine, options.json, options.correlation, credential))
            } catch (failed: RuntimeException) {
                engine.close()
                throw failed
            }
        }
    }
}
