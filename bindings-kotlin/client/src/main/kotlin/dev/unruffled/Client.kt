package dev.unruffled

import dev.unruffled.client.Calls
import dev.unruffled.client.Verbs
import dev.unruffled.driver.Credential
import dev.unruffled.driver.Engine
import dev.unruffled.http.Blocking
import dev.unruffled.http.Suspending
import dev.unruffled.http.Transport
import dev.unruffled.under.AttemptFactory
import dev.unruffled.under.DropIn
import okhttp3.Response
import java.io.Closeable
import kotlin.experimental.ExperimentalTypeInference

/**
 * A client of one API that retries, waits and limits as its policy says. Safe for any number of coroutines and threads: keep
 * one per API. Closing it at the end is optional: it keeps no process alive.
 *
 * Every verb suspends until the answer is whole, and throws [CallException] ([StatusException] for a status of 400 or above
 * unless `raise(false)` is set). Cancellation is effective at once and passes untouched. [blocking] does the same for threads.
 *
 * ```
 * val order: Order = orders.get("/orders/{id}") { path("id", 7).deadline(2.seconds) }.body()
 * ```
 *
 * [CallOptions] says what else a call takes.
 */
public class Client internal constructor(
    internal val engine: Engine,
    internal val transport: Transport,
    internal val calls: Calls,
) : Closeable {
    private val verbs = Verbs(engine, calls, Suspending(transport))

    /** This client for threads: same engine, same limits, same credentials. */
    public val blocking: BlockingClient by lazy { BlockingClient(Verbs(engine, calls, Blocking(transport, engine.clock))) }

    /** Makes a GET call to [target]. */
    public suspend fun get(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("GET", target, options)

    /** Makes a GET call to [target] with the options that [configure] sets. */
    public suspend inline fun get(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        get(target, CallOptions(configure))

    /** Makes a HEAD call to [target]. */
    public suspend fun head(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("HEAD", target, options)

    /** Makes a HEAD call to [target] with the options that [configure] sets. */
    public suspend inline fun head(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        head(target, CallOptions(configure))

    /** Makes a POST call to [target]. */
    public suspend fun post(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("POST", target, options)

    /** Makes a POST call to [target] with the options that [configure] sets. */
    public suspend inline fun post(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        post(target, CallOptions(configure))

    /** Makes a PUT call to [target]. */
    public suspend fun put(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("PUT", target, options)

    /** Makes a PUT call to [target] with the options that [configure] sets. */
    public suspend inline fun put(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        put(target, CallOptions(configure))

    /** Makes a PATCH call to [target]. */
    public suspend fun patch(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("PATCH", target, options)

    /** Makes a PATCH call to [target] with the options that [configure] sets. */
    public suspend inline fun patch(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        patch(target, CallOptions(configure))

    /** Makes a DELETE call to [target]. */
    public suspend fun delete(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("DELETE", target, options)

    /** Makes a DELETE call to [target] with the options that [configure] sets. */
    public suspend inline fun delete(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        delete(target, CallOptions(configure))

    /** Makes a QUERY call to [target]: a safe request with a body. */
    public suspend fun query(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("QUERY", target, options)

    /** Makes a QUERY call to [target] with the options that [configure] sets. */
    public suspend inline fun query(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        query(target, CallOptions(configure))

    /** Makes a call of any [method], upper case, to [target]. */
    public suspend fun call(method: String, target: String, options: CallOptions = CallOptions.NONE): ApiResponse =
        verbs.answer(method, target, options)

    /** Makes a call of any [method], upper case, to [target] with the options that [configure] sets. */
    public suspend inline fun call(method: String, target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        call(method, target, CallOptions(configure))

    /**
     * Lends OkHttp's response to [use] as soon as its headers are there, and closes it afterwards. Once the headers are
     * there nothing is retried; the policy's `idle` limits the time between two pieces of the body. A status of 400 or
     * above is always thrown.
     */
    public suspend fun <T> stream(
        target: String,
        options: CallOptions = CallOptions.NONE,
        method: String = "GET",
        use: suspend (Response) -> T,
    ): T = verbs.open(method, target, options).use { use(it) }

    /** Returns a view on this client that sends other credentials: same limits and connections, tokens never mixed. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    public fun withCredentials(token: suspend () -> String): Client = view(Credential.Source(token, null))

    /** Returns a view whose function gives a [Token], which is retained until it expires. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    @JvmName("withTokens")
    public fun withCredentials(token: suspend () -> Token): Client = view(Credential.Source(null) { token() })

    /** Returns a view whose function receives the reason why a token is needed. */
    public fun withCredentialsFor(token: suspend (Need) -> Token): Client = view(Credential.Source(null, token))

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = engine.events.add(listener)

    /** Returns the state of breaker, budget, limits and queues: plain values as the core names them. */
    public fun snapshot(): Map<String, Any?> = engine.snapshot()

    /**
     * Returns a drop-in for `OkHttpClient` that shares this client's engine, limits and connections:
     * `Retrofit.Builder().callFactory(orders.callFactory())`. It sends requests as they are: no headers of the policy, no
     * credentials. Closed with this client.
     */
    public fun callFactory(): ResilientCallFactory = ResilientCallFactory(DropIn(engine), AttemptFactory(transport.given, engine.settings))

    /**
     * Returns an interceptor that shares this client's engine, for where no call factory fits:
     * `OkHttpClient.Builder().addInterceptor(orders.interceptor())`.
     */
    public fun interceptor(): ResilientInterceptor = ResilientInterceptor(DropIn(engine))

    /** Ends all waits with the reason `closed`. Calls in flight may still deliver; new ones fail. Views are closed with it. */
    override fun close() {
        engine.close()
    }

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
