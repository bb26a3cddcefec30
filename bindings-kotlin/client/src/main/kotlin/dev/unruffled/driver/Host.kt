package dev.unruffled.driver

import dev.unruffled.InternalUnruffledApi
import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import java.io.Closeable
import java.io.IOException

/**
 * The HTTP client of a [Driver]. [Q] is its request, [R] its answer; the driver looks into neither. A host suspends, or blocks
 * its thread and never suspends; the driver is the same.
 */
@InternalUnruffledApi
public interface Host<Q, R : Reply> {
    /**
     * Makes one attempt. Returns when the status is known and, below 400 unless streamed, the whole body is there.
     *
     * @throws Broken if there is no such answer; anything else is the caller's cancellation and passes untouched.
     */
    public suspend fun send(attempt: Attempt<Q>): R

    /** Reads at most [most] bytes of an open reply, for at most [withinMs]; what broke or came too late is left out. */
    public suspend fun retain(reply: R, most: Long, withinMs: Long): ByteArray

    /** A closed reply with its head and the first [bytes] of its body. */
    public fun retained(reply: R, bytes: ByteArray): R

    /**
     * Waits until [waiter] is woken or [ms] have passed; `true`: they have. A delay follows the clock of the caller's
     * framework, which may be a virtual one; where others are waited for ([parked]), time is real, as theirs is.
     */
    public suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean

    /** Calls a function of the caller's that may suspend, and may take [withinMs]; 0 = any time. */
    public suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T
}

/** One request that the host sends once. */
@InternalUnruffledApi
public class Attempt<Q> internal constructor(
    public val request: Q,
    /** The number of the policy's route; 0 = no route. */
    public val route: Int,
    /** Milliseconds for headers and a buffered body; 0 = no limit. */
    public val timeoutMs: Long,
    /** The body is lent to the caller: the time limit ends at the headers. */
    public val streamed: Boolean,
    /** Whether the attempt needs a new connection. */
    public val fresh: Boolean,
    /** Headers of this attempt alone, or `null`. */
    public val extras: Extras?,
    /** Milliseconds left of the whole call, for an upload whose pieces keep its attempt alive; 0 = no limit. */
    public val wholeMs: Long = 0,
)

/** Headers that the host adds to one attempt. */
@InternalUnruffledApi
public class Extras internal constructor(
    /** Where the idempotency key goes, unless the request has such a header; `null` = nowhere. */
    public val keyHeader: String?,
    public val key: String,
    /** The bearer token for `Authorization`, or `null`. */
    public val token: String?,
)

/** The answer to one attempt: [bytes] if its body was read, else it is open until it is closed. */
@InternalUnruffledApi
public abstract class Reply(
    public val status: Int,
    public val bytes: ByteArray?,
) : Closeable {
    /** Whether the body has been read, into [bytes] or a buffer of the host. Reading it then takes no time. */
    public open val isWhole: Boolean get() = bytes != null

    /** The origin that answered after a redirect that the platform followed; else `null`. */
    public open val redirectedTo: String? get() = null

    /** Its headers for the core, see [WatchedHeaders.of]: those among [names], or `null` if none of [signals] is there. */
    public abstract fun hints(signals: Array<String>, names: Array<String>): ByteArray?

    public companion object {
        /** The first status that is an error. */
        public const val FIRST_ERROR: Int = 400

        /** Bytes of a body that a rule may look at. */
        public const val MOST_INSPECTED: Long = 4_096L
    }
}

/** The failure of an attempt: its fault for the core, with the platform's own error as the cause. */
@InternalUnruffledApi
public class Broken(
    public val fault: Fault,
    public override val cause: Throwable,
    /** The cause that the platform gives, for the core. */
    public val why: Cause = Cause.NONE,
    /** Nothing was written and the body is untouched: the same attempt may be made at once on another connection. */
    public val stale: Boolean = false,
) : IOException(fault.text, cause) {
    /** Leaves the trace out: only the cause is shown. */
    override fun fillInStackTrace(): Throwable = this
}

/** A buffered body beyond `maxBody`. */
internal class TooLarge(most: Long) : IOException("the body is larger than maxBody ($most bytes)")
