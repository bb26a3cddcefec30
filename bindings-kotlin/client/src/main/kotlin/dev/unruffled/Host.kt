package dev.unruffled

import okhttp3.Headers
import okhttp3.Request
import okhttp3.Response
import java.io.Closeable
import java.io.IOException

/**
 * What the [Driver] needs of the platform. One implementation suspends, one blocks its thread and never suspends; the
 * driver is the same.
 */
internal interface Host {
    /**
     * Makes one attempt. Returns when the status is known and, below 400 unless streamed, the whole body is there.
     *
     * @throws Broken if there is no such answer; anything else is the caller's cancellation and passes untouched.
     */
    suspend fun send(attempt: Attempt): Reply

    /** Reads at most [most] bytes of an open reply, for at most [withinMs]; what broke or came too late is left out. */
    suspend fun keep(reply: Reply, most: Long, withinMs: Long): ByteArray

    /** Reads an open reply whole; fails beyond [most] bytes. */
    suspend fun whole(reply: Reply, most: Long): ByteArray

    /** Waits until [seat] is woken or [ms] have passed. */
    suspend fun rest(seat: Seat, ms: Long)

    /** Calls a function of the caller's that may suspend. */
    suspend fun <T> ask(function: suspend () -> T): T
}

/** One request on its way: what the host needs to send it once. */
internal class Attempt(
    val request: Request,
    val route: Int,
    /** Milliseconds for headers and a buffered body; 0 = no limit. */
    val timeoutMs: Long,
    /** The body is lent to the caller: the time limit ends at the headers. */
    val streamed: Boolean,
    /** A connection that has not been used before, please. */
    val fresh: Boolean,
)

/** The answer to one attempt: [bytes] if its body was read, else [open]. */
internal class Reply(
    val status: Int,
    val headers: Headers,
    var bytes: ByteArray?,
    val open: Response?,
    private val flight: Watch.Flight? = null,
) : Closeable {
    /** Milliseconds left of the attempt's time. */
    fun left(): Long = flight?.left() ?: Long.MAX_VALUE

    /** Breaks off whoever reads the body. */
    fun cancel() {
        flight?.cancel()
    }

    override fun close() {
        open?.close()
    }
}

/** An attempt that broke: what it is to the core, and the platform's own error. */
internal class Broken(val fault: Fault, override val cause: Throwable) : IOException(fault.text, cause) {
    override fun fillInStackTrace(): Throwable = this
}
