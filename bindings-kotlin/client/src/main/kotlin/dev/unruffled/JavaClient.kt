package dev.unruffled

import dev.unruffled.client.CallOptions
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import okhttp3.RequestBody
import java.io.Closeable
import java.time.Duration
import java.util.concurrent.CompletableFuture
import java.util.function.Consumer
import java.util.function.Function
import java.util.function.Supplier
import kotlin.time.Duration.Companion.milliseconds

/**
 * A [Client] for Java: each verb blocks and has a twin that returns a future. A [CallSpec] holds the options of a call.
 *
 * ```
 * JavaClient orders = JavaClient.builder(Policy.fromFile("orders.policy.json")).credentials(vault::token).build();
 * ApiResponse order = orders.get("/orders/{id}", new CallSpec().path("id", 7).deadline(Duration.ofSeconds(5)));
 * ```
 */
@JvmOnly
public class JavaClient internal constructor(private val client: Client) : Closeable {
    private val scope = CoroutineScope(SupervisorJob() + client.transport.dispatcher)

    /** GET [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun get(target: String, spec: CallSpec = CallSpec()): ApiResponse = call("GET", target, spec)

    /** HEAD [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun head(target: String, spec: CallSpec = CallSpec()): ApiResponse = call("HEAD", target, spec)

    /** POST to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun post(target: String, spec: CallSpec = CallSpec()): ApiResponse = call("POST", target, spec)

    /** PUT to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun put(target: String, spec: CallSpec = CallSpec()): ApiResponse = call("PUT", target, spec)

    /** PATCH [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun patch(target: String, spec: CallSpec = CallSpec()): ApiResponse = call("PATCH", target, spec)

    /** DELETE [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun delete(target: String, spec: CallSpec = CallSpec()): ApiResponse = call("DELETE", target, spec)

    /**
     * Any [method], upper case, to [target], on this thread. An interrupt ends it as [java.io.InterruptedIOException].
     *
     * @throws StatusException if the status is 400 or above, unless the spec says otherwise.
     * @throws CallException if there is no answer.
     */
    @JvmOverloads
    @Throws(CallException::class)
    public fun call(method: String, target: String, spec: CallSpec = CallSpec()): ApiResponse =
        client.blocking.call(method, target, spec.options())

    /** Makes a call as a future: no thread waits. Cancelling the future ends the call at once, and so does its `orTimeout`. */
    @JvmOverloads
    public fun callAsync(method: String, target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> {
        val options = spec.options()
        val future = CompletableFuture<ApiResponse>()
        val work =
            scope.launch {
                try {
                    future.complete(client.call(method, target, options))
                } catch (@Suppress("TooGenericExceptionCaught") failed: Throwable) {
                    future.completeExceptionally(failed)
                }
            }
        // After a cancellation, orTimeout or any other completion. A call that is over is not affected.
        future.whenComplete { _, _ -> work.cancel() }
        return future
    }

    /** [get] as a future. */
    @JvmOverloads
    public fun getAsync(target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> = callAsync("GET", target, spec)

    /** [head] as a future. */
    @JvmOverloads
    public fun headAsync(target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> = callAsync("HEAD", target, spec)

    /** [post] as a future. */
    @JvmOverloads
    public fun postAsync(target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> = callAsync("POST", target, spec)

    /** [put] as a future. */
    @JvmOverloads
    public fun putAsync(target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> = callAsync("PUT", target, spec)

    /** [patch] as a future. */
    @JvmOverloads
    public fun patchAsync(target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> = callAsync("PATCH", target, spec)

    /** [delete] as a future. */
    @JvmOverloads
    public fun deleteAsync(target: String, spec: CallSpec = CallSpec()): CompletableFuture<ApiResponse> = callAsync("DELETE", target, spec)

    /** A view for another user: same limits and connections, tokens never mixed. */
    public fun withCredentials(token: Supplier<String>): JavaClient = JavaClient(client.withCredentials { token.get() })

    /** A view whose function gives a [Token], which is retained until it expires. */
    public fun withTokens(token: Supplier<Token>): JavaClient = JavaClient(client.withCredentials { token.get() })

    /** A view whose function receives the reason why a token is needed. */
    public fun withTokensFor(token: Function<Need, Token>): JavaClient =
        JavaClient(client.withCredentialsFor { need -> token.apply(need) })

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: Consumer<Event>): Closeable = client.on { listener.accept(it) }

    /** The client with Kotlin's verbs: same engine, same limits, same credentials. */
    public fun kotlin(): Client = client

    /** Ends all waits with the reason `closed`. Calls in flight may still deliver; new ones fail. */
    override fun close() {
        client.close()
    }

    public companion object {
        /** Begins a client for the API that a policy describes. */
        @JvmStatic
        public fun builder(policy: Policy): Builder = Builder(policy)

        /** Does so for a base URL, with the defaults for everything, or for the policy file at a path. */
        @JvmStatic
        public fun builder(urlOrPath: String): Builder = Builder(Policy.of(urlOrPath))
    }

    /** Options of a client beside its policy. Everything is optional. */
    @JvmOnly
    public class Builder internal constructor(private val policy: Policy) {
        private val options = ClientOptions()

        /** Gives the bearer token as plain text. It is called for every attempt and its answer is not retained. */
        public fun credentials(token: Supplier<String>): Builder = apply { options.credentials { token.get() } }

        /** Gives a bearer [Token], which is retained until it expires. One call obtains it for all that need it. */
        public fun tokens(token: Supplier<Token>): Builder = apply { options.credentials { token.get() } }

        /**
         * Gives a bearer [Token] and receives the reason why it is needed. A function that gives plain text has no such
         * form: its reason is always `first`.
         */
        public fun tokensFor(token: Function<Need, Token>): Builder = apply { options.credentialsFor { need -> token.apply(need) } }

        /** The client whose connections, proxies, TLS and interceptors are used. */
        public fun okHttp(client: okhttp3.OkHttpClient): Builder = apply { options.okHttp(client) }

        /** The base URL, if the policy leaves it to the program. */
        public fun baseUrl(url: String): Builder = apply { options.baseUrl(url) }

        /** Receives events, in batches, on the thread that ends a call: return quickly. */
        public fun on(listener: Consumer<Event>): Builder = apply { options.on { listener.accept(it) } }

        /**
         * The client.
         *
         * @throws PolicyException if the policy is wrong; it says where.
         */
        public fun build(): JavaClient = JavaClient(Client.of(options.open(policy), options))
    }
}

/** The options of a call; every method returns this spec. */
@JvmOnly
public class CallSpec {
    private val path = LinkedHashMap<String, Any>()
    private val query = LinkedHashMap<String, Any?>()
    private val headers = LinkedHashMap<String, String>()
    private var json: Any? = null
    private var form: Map<String, Any?>? = null
    private var body: RequestBody? = null
    private var deadline: Duration? = null
    private var key: String? = null
    private var raise = true

    /** The value of a `{name}` in the target. */
    public fun path(name: String, value: Any): CallSpec = apply { path[name] = value }

    /** A query parameter; `null` is left out, a list repeats. */
    public fun query(name: String, value: Any?): CallSpec = apply { query[name] = value }

    /** A header of the request. */
    public fun header(name: String, value: String): CallSpec = apply { headers[name] = value }

    /** The body as JSON: a text, number, map or list of these, or a serializable value. */
    public fun json(value: Any): CallSpec = apply { json = value }

    /** The body as a form. */
    public fun form(fields: Map<String, Any?>): CallSpec = apply { form = fields }

    /** The body as OkHttp has it. */
    public fun body(bytes: RequestBody): CallSpec = apply { body = bytes }

    /** The time for the whole call, in place of the policy's total. */
    public fun deadline(within: Duration): CallSpec = apply { deadline = within }

    /** The idempotency key, or [Unruffled.NEW_KEY]. */
    public fun idempotencyKey(text: String): CallSpec = apply { key = text }

    /** Whether a status of 400 or above is thrown, which it is unless this says `false`. */
    public fun raise(throwing: Boolean): CallSpec = apply { raise = throwing }

    internal fun options(): CallOptions =
        CallOptions(path, query, headers, json, form, body, deadline?.toMillis()?.milliseconds, key, raise)
}

/** Uses what Android 5 does not have; the check of the build against that leaves it out. */
@Retention(AnnotationRetention.BINARY)
internal annotation class JvmOnly
