package dev.unruffled.under

import dev.unruffled.CallException
import dev.unruffled.Event
import dev.unruffled.InternalUnruffledApi
import dev.unruffled.Policy
import dev.unruffled.PolicyOptions
import dev.unruffled.Reason
import dev.unruffled.core.CallFlags
import dev.unruffled.core.CallTrait
import dev.unruffled.core.Route
import dev.unruffled.core.routeOf
import dev.unruffled.driver.CallRecord
import dev.unruffled.driver.Clock
import dev.unruffled.driver.Driver
import dev.unruffled.driver.Engine
import dev.unruffled.driver.Host
import dev.unruffled.driver.PreparedCall
import dev.unruffled.driver.Reply
import dev.unruffled.driver.SystemClock
import dev.unruffled.http.OuterRetry
import java.io.Closeable
import java.io.IOException
import java.net.SocketTimeoutException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap

/**
 * The part that all drop-ins share: a request's route, the loop, and the end of a call. Knows no client: each has its [Host].
 */
@InternalUnruffledApi
public class DropIn internal constructor(internal val engine: Engine) : Closeable {
    private val targets: ConcurrentMap<String, Int> = ConcurrentHashMap()

    /** Prepares a request for the driver; [header] gives the value of a header by its name. */
    internal fun <Q> prepare(incoming: DropInRequest<Q>, header: (String) -> String?): PreparedCall<Q> {
        val target = target(incoming)
        var flags = CallTrait.DROPIN or CallTrait.STREAMED or incoming.flags
        if (incoming.repeatable) flags = flags or CallTrait.REPEATABLE
        if (engine.settings.routes[routeOf(target)].idempotencyHeader?.let(header) != null) flags = flags or CallTrait.KEYED
        if (incoming.nested || OuterRetry.by(engine.settings.retryCounts, header)) flags = flags or CallTrait.STACKED
        return PreparedCall(
            incoming.method,
            // Any segment of the path may be a secret.
            incoming.origin,
            incoming.request,
            target,
            engine.scopeAt(incoming.origin),
            CallFlags.of(incoming.method, flags, incoming.uploadBytes),
            if (incoming.withinMs == 0L) 0 else engine.clock.now() + incoming.withinMs,
            streamed = true,
            key = null,
            credential = null,
            lastOpen = true,
        )
    }

    /**
     * Drives a call to its end and returns the last answer, whatever its status. Fills in [record].
     *
     * @throws CallException if nothing was sent that could have failed: the host makes an error of its client's kind of it;
     *   all else is the client's own last error, or the caller's cancellation.
     */
    internal suspend fun <Q, R : Reply> run(host: Host<Q, R>, prepared: PreparedCall<Q>, record: CallRecord): R {
        try {
            val ended = Driver(engine, host).run(prepared)
            record.table = ended.explanation(engine)
            return ended.reply
        } catch (failed: CallException) {
            record.table = failed::explain
            val native = failed.cause ?: throw failed
            // For logs and for explain(); without its cause, or the two would hold each other.
            native.addSuppressed(failed.alone())
            throw native
        }
    }

    /** Prepares a call and drives it to its end. */
    public suspend fun <Q, R : Reply> run(
        host: Host<Q, R>,
        incoming: DropInRequest<Q>,
        record: CallRecord,
        header: (String) -> String?,
    ): R = run(host, prepare(incoming, header), record)

    /** What the policy says of a route by its number. */
    public fun route(number: Int): Route = engine.settings.routes[number]

    /** The start of the media type whose bodies always stay streams. */
    public val streamType: String get() = engine.settings.streamType

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = engine.events.add(listener)

    /** Reports a `warning` event. */
    public fun warn(text: String): Unit = engine.events.warn(text)

    /** Returns the state of breaker, budget, limits and queues. */
    public fun snapshot(): Map<String, Any?> = engine.snapshot()

    /** Ends all waits; new calls fail. */
    override fun close() {
        engine.close()
    }

    private fun target(incoming: DropInRequest<*>): Int {
        val text = "${incoming.method} ${incoming.origin}${incoming.path}"
        targets[text]?.let { return it }
        // Of the thousand seen last: URLs of others are without end.
        if (targets.size >= MOST) targets.clear()
        return engine.core.route(text).also { targets[text] = it }
    }

    public companion object {
        private const val MOST = 1_000

        /**
         * Opens an engine for drop-ins.
         *
         * @throws dev.unruffled.PolicyException if the policy is wrong; it says where.
         */
        public fun open(policy: Policy, options: PolicyOptions, clock: Clock = SystemClock()): DropIn =
            DropIn(options.open(policy, clock))
    }
}

/** The error that clients of the JVM throw where nothing was sent: for time limits the platform's own time-out. */
@InternalUnruffledApi
public fun CallException.nativeError(): IOException =
    if (reason == Reason.DEADLINE || reason == Reason.TIMEOUT) {
        SocketTimeoutException("timed out: $message").apply { initCause(this@nativeError) }
    } else {
        this
    }

/** A request to a drop-in. */
@InternalUnruffledApi
public class DropInRequest<Q>(
    public val request: Q,
    /** Upper case. */
    public val method: String,
    /** `https://api.example.com`: scheme and host in lower case, the port unless it is the scheme's own. */
    public val origin: String,
    /** Encoded, from its slash, without query. */
    public val path: String,
    /** The body can be sent again byte for byte; no body can. */
    public val repeatable: Boolean,
    /** Bytes of a body whose sending cannot be watched; 0 = none. */
    public val uploadBytes: Long = 0,
    /** Another unruffled retries above. */
    public val nested: Boolean = false,
    /** Milliseconds left of the caller's own time for the whole call; 0 = no limit. */
    public val withinMs: Long = 0,
    /** More of [CallTrait]. */
    public val flags: Int = 0,
)
