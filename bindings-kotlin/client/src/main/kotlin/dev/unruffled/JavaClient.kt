package dev.unruffled

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import java.io.Closeable
import java.util.concurrent.CompletableFuture
import java.util.function.Consumer
import java.util.function.Function
import java.util.function.Supplier

/**
 * A [Client] for Java: each verb blocks and has a twin that returns a future. [CallOptions] holds the options of a call.
 *
 * ```
 * JavaClient orders = JavaClient.builder(Policy.fromFile("orders.policy.json")).credentials(vault::token).build();
 * ApiResponse order = orders.get("/orders/{id}", CallOptions.builder().path("id", 7).deadline(Duration.ofSeconds(5)).build());
 * ```
 */
@JvmOnly
public class JavaClient internal constructor(private val client: Client) : Closeable {
    private val scope = CoroutineScope(SupervisorJob() + client.transport.dispatcher)

    /** Makes a GET call to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun get(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("GET", target, options)

    /** Makes a HEAD call to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun head(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("HEAD", target, options)

    /** Makes a POST call to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun post(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("POST", target, options)

    /** Makes a PUT call to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun put(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("PUT", target, options)

    /** Makes a PATCH call to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun patch(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("PATCH", target, options)

    /** Makes a DELETE call to [target]. */
    @JvmOverloads
    @Throws(CallException::class)
    public fun delete(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("DELETE", target, options)

    /**
     * Makes a call of any [method], upper case, to [target], on this thread. An interrupt ends it as
     * [java.io.InterruptedIOException].
     *
     * @throws StatusException if the status is 400 or above, unless the options say otherwise.
     * @throws CallException if there is no answer.
     */
    @JvmOverloads
    @Throws(CallException::class)
    public fun call(method: String, target: String, options: CallOptions = CallOptions.NONE): ApiResponse =
        client.blocking.call(method, target, options)

    /** Makes a call as a future: no thread waits. Cancelling the future ends the call at once, and so does its `orTimeout`. */
    @JvmOverloads
    public fun callAsync(method: String, target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> {
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

    /** Makes the call of [get] as a future. */
    @JvmOverloads
    public fun getAsync(target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> = callAsync("GET", target, options)

    /** Makes the call of [head] as a future. */
    @JvmOverloads
    public fun headAsync(target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> = callAsync("HEAD", target, options)

    /** Makes the call of [post] as a future. */
    @JvmOverloads
    public fun postAsync(target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> = callAsync("POST", target, options)

    /** Makes the call of [put] as a future. */
    @JvmOverloads
    public fun putAsync(target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> = callAsync("PUT", target, options)

    /** Makes the call of [patch] as a future. */
    @JvmOverloads
    public fun patchAsync(target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> = callAsync("PATCH", target, options)

    /** Makes the call of [delete] as a future. */
    @JvmOverloads
    public fun deleteAsync(target: String, options: CallOptions = CallOptions.NONE): CompletableFuture<ApiResponse> = callAsync("DELETE", target, options)

    /** Returns a view for another user: same limits and connections, tokens never mixed. */
    public fun withCredentials(token: Supplier<String>): JavaClient = JavaClient(client.withCredentials { token.get() })

    /** Returns a view whose function gives a [Token], which is retained until it expires. */
    public fun withTokens(token: Supplier<Token>): JavaClient = JavaClient(client.withCredentials { token.get() })

    /** Returns a view whose function receives the reason why a token is needed. */
    public fun withTokensFor(token: Function<Need, Token>): JavaClient =
        JavaClient(client.withCredentialsFor { need -> token.apply(need) })

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: Consumer<Event>): Closeable = client.on { listener.accept(it) }

    /** Returns the client with Kotlin's verbs: same engine, same limits, same credentials. */
    public fun kotlin(): Client = client

    /** Ends all waits with the reason `closed`. Calls in flight may still deliver; new ones fail. */
    override fun close() {
        client.close()
    }

    public companion object {
        /** Begins a client for the API that a policy describes. */
        @JvmStatic
        public fun builder(policy: Policy): Builder = Builder(policy)

        /** Does the same for a base URL, with the defaults for everything, or for the policy file at a path. */
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

        /** Sets the client whose connections, proxies, TLS and interceptors are used. */
        public fun okHttp(client: okhttp3.OkHttpClient): Builder = apply { options.okHttp(client) }

        /** Sets the base URL, if the policy leaves it to the program. */
        public fun baseUrl(url: String): Builder = apply { options.baseUrl(url) }

        /** Receives events, in batches, on the thread that ends a call: return quickly. */
        public fun on(listener: Consumer<Event>): Builder = apply { options.on { listener.accept(it) } }

        /**
         * Makes the client.
         *
         * @throws PolicyException if the policy is wrong; it says where.
         */
        public fun build(): JavaClient = JavaClient(Client.of(options.open(policy), options))
    }
}
