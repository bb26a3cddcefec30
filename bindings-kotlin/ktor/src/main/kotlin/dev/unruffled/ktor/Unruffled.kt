package dev.unruffled.ktor

import dev.unruffled.CallException
import dev.unruffled.Event
import dev.unruffled.Policy
import dev.unruffled.PolicyOptions
import dev.unruffled.driver.CallRecord
import dev.unruffled.under.DropIn
import io.ktor.client.HttpClient
import io.ktor.client.call.HttpClientCall
import io.ktor.client.plugins.HttpClientPlugin
import io.ktor.client.plugins.HttpSend
import io.ktor.client.plugins.Sender
import io.ktor.client.plugins.plugin
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.HttpResponse
import io.ktor.util.AttributeKey
import java.io.Closeable

/** The configuration of the plugin: a policy and the options of every drop-in. */
public class UnruffledConfig internal constructor() : PolicyOptions() {
    /** The policy of the API. Required. */
    public var policy: Policy? = null
}

/**
 * The plugin that makes the calls of a Ktor client survive what its policy says.
 *
 * ```
 * HttpClient(CIO) {
 *     install(Unruffled) { policy = Policy.fromFile("orders.policy.json") }
 * }
 * ```
 *
 * It keeps Ktor's contract: an answer of any status is returned (what `expectSuccess` makes of it is decided above), the last
 * native exception is thrown again, a cancellation passes untouched and ends a wait at once. Where nothing was sent a
 * [CallException] is thrown, or for time limits a [java.net.SocketTimeoutException] with it as its cause. It adds no header
 * but the policy's idempotency key. Limits and budget are per origin. So is a breaker, and each endpoint has one beside it: a
 * method and a path whose values (numbers, ids) are left out. Each hop of a redirect is a call of its own.
 *
 * The order of `install` counts. `Auth` before it: a 401 is answered with a new token and a new call. `HttpTimeout` before
 * it limits the whole call, waits included; after it each attempt. Leave `HttpRequestRetry` out: on top of it one attempt is
 * made and no more. For Ktor 3.5 and newer, any engine of the JVM.
 */
public class Unruffled internal constructor(private val dropIn: DropIn) : Closeable {
    /**
     * Returns a short table of the attempts and waits of the call that ended with [response]; empty if it is not known
     * here.
     */
    public fun explain(response: HttpResponse): String =
        response.call.attributes.getOrNull(RECORD)?.explain().orEmpty()

    /** Returns the same table of a call that failed with [error]; empty if it is not known here. */
    public fun explain(error: Throwable): String = CallRecord.of(error)

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = dropIn.on(listener)

    /** Returns the state of breaker, budget, limits and queues: plain values as the core names them. */
    public fun snapshot(): Map<String, Any?> = dropIn.snapshot()

    /** Ends all waits. Calls in flight may still be answered; new ones fail. Closing the client does this. */
    override fun close() {
        dropIn.close()
    }

    internal suspend fun send(client: HttpClient, sender: Sender, request: HttpRequestBuilder): HttpClientCall =
        if (request.isUpgrade()) sender.execute(request) else KtorCall(dropIn, client, sender, request).drive()

    /** What `install` and `HttpClient.plugin` take. */
    public companion object Plugin : HttpClientPlugin<UnruffledConfig, Unruffled> {
        override val key: AttributeKey<Unruffled> = AttributeKey("Unruffled")

        /**
         * Reads the policy.
         *
         * @throws dev.unruffled.PolicyException if it is wrong; it says where.
         */
        override fun prepare(block: UnruffledConfig.() -> Unit): Unruffled {
            val config = UnruffledConfig().apply(block)
            val policy = requireNotNull(config.policy) { "install(Unruffled) { policy = … }: there is no policy" }
            return Unruffled(DropIn.open(policy, config))
        }

        override fun install(plugin: Unruffled, scope: HttpClient) {
            OkHttpEngines.set(scope, plugin.dropIn::warn)
            Heads.watch(scope)
            Silence.watch(scope)
            scope.plugin(HttpSend).intercept { request -> plugin.send(scope, this, request) }
        }
    }
}
