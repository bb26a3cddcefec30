package dev.unruffled.driver

import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import java.io.Closeable
import java.io.IOException

/**
 * The HTTP client of a [Driver]. [Q] is its request, [R] its answer; the driver looks into neither. A host suspends, or blocks
 * its thread and never suspends; the driver is the same.
 */
internal interface Host<Q, R : Reply> {
    /**
     * Makes one attempt. Returns when the status is known and, below 400 unless streamed, the whole body is there.
     *
     * @throws Broken if there is no such answer; anything else is the caller's cancellation and passes untouched.
     */
    suspend fun send(attempt: Attempt<Q>): R

    /** Reads at most [most] bytes of an open reply, for at most [withinMs]; what broke or came too late is left out. */
    suspend fun retain(reply: R, most: Long, withinMs: Long): ByteArray

    /** A closed reply with its head and the first [bytes] of its body. */
    fun retained(reply: R, bytes: ByteArray): R

    /**
     * Waits until [waiter] is woken or [ms] have passed; `true`: they have. A delay follows the clock of the caller's
     * framework, which may be a virtual one; where others are waited for ([parked]), time is real, as theirs is.
     */
    suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean

    /** Calls a function of the caller's that may suspend, and may take [withinMs]; 0 = any time. */
    suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T
}

/** One request on its way: what the host needs to send it once. */
internal class Attempt<Q>(
    val request: Q,
    /** The number of the policy's route; 0 = no route. */
    val route: Int,
    /** Milliseconds for headers and a buffered body; 0 = no limit. */
    val timeoutMs: Long,
    /** The body is lent to the caller: the time limit ends at the headers. */
    val streamed: Boolean,
    /** A connection that has not been used before, please. */
    val fresh: Boolean,
    /** Headers of this attempt alone, or `null`. */
    val extras: Extras?,
    /** Milliseconds left of the whole call, for an upload whose pieces keep its attempt alive; 0 = no limit. */
    val wholeMs: Long = 0,
)

/** Headers that the host adds to one attempt. */
internal class Extras(
    /** Where the idempotency key goes, unless the request has such a header; `null` = nowhere. */
    val keyHeader: String?,
    val key: String,
    /** The bearer token for `Authorization`, or `null`. */
    val token: String?,
)

/** The answer to one attempt: [bytes] if its body was read, else it is open until it is closed. */
internal abstract class Reply(
    val status: Int,
    val bytes: ByteArray?,
) : Closeable {
    /** Whether the body has been read, into [bytes] or a buffer of the host. Reading it then takes no time. */
    open val isWhole: Boolean get() = bytes != null

    /** The origin that answered after a redirect that the platform followed; else `null`. */
    open val redirectedTo: String? get() = null

    /** Its headers for the core, see [WatchedHeaders.of]: those among [names], or `null` if none of [signals] is there. */
    abstract fun hints(signals: Array<String>, names: Array<String>): ByteArray?

    internal companion object {
        /** The first status that is an error. */
        const val FIRST_ERROR = 400
    }
}

/** An attempt that broke: what it is to the core, and the platform's own error as its cause. */
internal class Broken(
    val fault: Fault,
    override val cause: Throwable,
    /** What the platform says beyond the fault. */
    val why: Cause = Cause.NONE,
    /** Nothing was written and the body is untouched: the same attempt may be made at once on another connection. */
    val stale: Boolean = false,
) : IOException(fault.text, cause) {
    override fun fillInStackTrace(): Throwable = this
}

/** A buffered body beyond `maxBody`. */
internal class TooLarge(most: Long) : IOException("the body is larger than maxBody ($most bytes)")
