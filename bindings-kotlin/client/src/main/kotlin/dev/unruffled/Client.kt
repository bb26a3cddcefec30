package dev.unruffled

import dev.unruffled.client.CallOptions
import dev.unruffled.client.Calls
import dev.unruffled.core.Report
import dev.unruffled.core.Word
import dev.unruffled.driver.Credential
import dev.unruffled.driver.Driver
import dev.unruffled.driver.Ended
import dev.unruffled.driver.Engine
import dev.unruffled.driver.Outgoing
import dev.unruffled.http.Answer
import dev.unruffled.http.OkHost
import dev.unruffled.http.Suspending
import dev.unruffled.http.TooLarge
import dev.unruffled.http.Transport
import dev.unruffled.under.DropIn
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import java.io.Closeable
import java.io.IOException
import kotlin.experimental.ExperimentalTypeInference
import kotlin.time.Duration

/**
 * One API, called so that its bad days are survived. Safe for any number of coroutines and threads; keep one per API and
 * close it at the end, or never: it holds no process.
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
    private val host = Suspending(transport)
    private val driver = Driver(engine, host)

    /** The same client for threads: same engine, same limits, same credentials. */
    public val blocking: BlockingClient by lazy { BlockingClient(this) }

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
        answer(
            method,
            target,
            CallOptions(path, query, headers, json, form, body, deadline, idempotencyKey, raise),
            driver,
            host,
        )

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
        return open(method, target, options, driver, host).use { use(it) }
    }

    /** A view on this client that sends other credentials: same limits and connections, tokens never mixed. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    public fun withCredentials(token: suspend () -> String): Client = view(Credential.Source(token, null))

    /** The same with a [Token] that is kept until it ends. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    @JvmName("withTokens")
    public fun withCredentials(token: suspend () -> Token): Client = view(Credential.Source(null) { token() })

    /** The same for a function that wants to know why it is asked. */
    public fun withCredentialsFor(token: suspend (Need) -> Token): Client = view(Credential.Source(null, token))

    /** Tells [listener] what happens, in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = engine.events.add(listener)

    /** Breaker, budget, limits and lines at this moment: plain values as the core names them. */
    public fun snapshot(): Map<String, Any?> = engine.snapshot()

    /**
     * A drop-in for `OkHttpClient` that shares this client's engine, limits and connections:
     * `Retrofit.Builder().callFactory(orders.callFactory())`. It sends requests as they are: no headers of the policy, no
     * credentials. Closed with this client.
     */
    public fun callFactory(): ResilientCallFactory = ResilientCallFactory(DropIn(engine), Line(transport.given, engine.settings))

    /** The same for where only an interceptor fits: `OkHttpClient.Builder().addInterceptor(orders.interceptor())`. */
    public fun interceptor(): ResilientInterceptor = ResilientInterceptor(DropIn(engine))

    /** Ends all waits with the reason `closed`. Calls in flight may still deliver; new ones fail. Views are closed with it. */
    override fun close() {
        engine.close()
    }

    internal suspend fun call(method: String, target: String, options: CallOptions): ApiResponse =
        answer(method, target, options, driver, host)

    internal suspend fun answer(
        method: String,
        target: String,
        options: CallOptions,
        driver: Driver<Request, Answer>,
        host: OkHost,
    ): ApiResponse {
        val outgoing = calls.prepare(method, target, options, streamed = false, host)
        val ended = driver.run(outgoing)
        val reply = ended.reply
        val raised = options.raise && (reply.status >= Driver.FIRST_ERROR || ended.failure != null)
        val bytes =
            reply.bytes ?: reply.use {
                if (raised) {
                    host.keep(it, Driver.MOST_KEPT, Driver.MOST_WAIT)
                } else {
                    whole(host, it, engine.settings.routes[outgoing.route].maxBody)
                }
            }
        val answer = ApiResponse(reply.status, reply.headers, bytes, ended.maybeApplied, calls.json, ended.story(engine))
        if (raised) throw StatusException(ended.failure ?: rejected(outgoing, ended, answer), answer)
        return answer
    }

    /** The whole body of a final answer. A status of 400 or above is one even if its body cannot be read or unpacked. */
    private suspend fun whole(host: OkHost, reply: Answer, most: Long): ByteArray =
        try {
            host.whole(reply, most)
        } catch (broken: IOException) {
            if (reply.status < Driver.FIRST_ERROR || broken is TooLarge || Thread.currentThread().isInterrupted) throw broken
            Driver.NOTHING
        }

    internal suspend fun open(
        method: String,
        target: String,
        options: CallOptions,
        driver: Driver<Request, Answer>,
        host: OkHost,
    ): Response {
        val outgoing = calls.prepare(method, target, options, streamed = true, host)
        val ended = driver.run(outgoing)
        val reply = ended.reply
        val open = reply.open
        if (reply.status < Driver.FIRST_ERROR && ended.failure == null && open != null) return open
        val bytes = reply.bytes ?: reply.use { host.keep(it, Driver.MOST_KEPT, Driver.MOST_WAIT) }
        val answer = ApiResponse(reply.status, reply.headers, bytes, ended.maybeApplied, calls.json, ended.story(engine))
        throw StatusException(ended.failure ?: rejected(outgoing, ended, answer), answer)
    }

    private fun rejected(outgoing: Outgoing<Request>, ended: Ended<Answer>, answer: ApiResponse): CallException {
        val report = if (Word.has(ended.word, Word.REPORT)) engine.report(ended.call) else null
        val dropped = report == null && Word.has(ended.word, Word.REPORT)
        val told = report ?: if (dropped) null else Report.read(engine.core.brief(ended.reply.status, ended.elapsed))
        val outcome = Driver.OUTCOMES.getOrElse(Word.arg(ended.word).toInt()) { Outcome.UNKNOWN }
        return CallException(
            Reason.STATUS,
            outcome,
            null,
            null,
            told?.attempts ?: 1,
            told?.elapsed ?: ended.elapsed,
            answer.status,
            "${outgoing.label(engine)}: " + (told?.message ?: "${answer.status} (outcome ${outcome.text}). ${Report.DROPPED}"),
            Report.text(ended.word, told),
            null,
        )
    }

    private fun view(source: Credential.Source): Client =
        Client(engine, transport, calls.with(Credential(engine, source, transport.dispatcher, isOwn = true)))

    internal companion object {
        fun of(engine: Engine, options: ClientOptions): Client {
            val transport = Transport(options.okHttp, engine.settings)
            val credential = options.source?.let { Credential(engine, it, transport.dispatcher) }
            return Client(engine, transport, Calls(engine, options.json, options.correlation, credential))
        }
    }
}
