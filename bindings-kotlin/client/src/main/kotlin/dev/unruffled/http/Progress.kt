package dev.unruffled.http

import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import dev.unruffled.driver.Broken
import dev.unruffled.driver.TooLarge
import dev.unruffled.driver.WakeHandle
import okhttp3.Call
import okhttp3.Connection
import okhttp3.Dispatcher
import okhttp3.EventListener
import okhttp3.Response
import okhttp3.internal.http2.ConnectionShutdownException
import okhttp3.internal.http2.ErrorCode
import okhttp3.internal.http2.StreamResetException
import java.io.IOException
import java.io.InterruptedIOException
import java.net.ConnectException
import java.net.InetSocketAddress
import java.net.Proxy
import java.net.UnknownHostException
import java.net.UnknownServiceException

/**
 * Translates the platform's errors. Watches how far the attempt got: what breaks before the first byte of the request is
 * written is proven unsent, whatever the exception is called; afterwards only HTTP/2 can prove it.
 */
internal class Progress : EventListener() {
    @Volatile
    private var sent = false

    @Volatile
    private var answered = false

    /** A server has answered in this attempt: a request that follows a redirect proves nothing of the first one. */
    @Volatile
    private var arrived = false

    /** The call has no listeners: only the class of the exception is known. */
    @Volatile
    var blind = false

    /** The upload of this attempt, if its pieces are watched. */
    var upload: Upload? = null

    /** No interceptor of ours looks at the connection: the listener has to. */
    @Volatile
    var looks = false

    /** The body of the request can be sent again. */
    @Volatile
    var repeatable = false

    /** The connection in use was found closed, and closed here too, before the first request of this attempt was written. */
    @Volatile
    private var stale = false

    /** The body of the request is being written. */
    @Volatile
    private var writing = false

    /** The connection failed under a request that was being written. */
    @Volatile
    private var failed = false

    /** The time limit that must not run while the call waits in its dispatcher's queue: the attempt has not begun. */
    @Volatile
    var queued: TimeoutWatch.TimeLimit? = null

    /** Woken when the call is cancelled. */
    @Volatile
    var handle: WakeHandle? = null

    /** Another attempt of the same call begins. */
    fun restart() {
        sent = false
        answered = false
        arrived = false
        stale = false
        writing = false
        failed = false
    }

    override fun dispatcherQueueStart(call: Call, dispatcher: Dispatcher) {
        queued?.let(TimeoutWatch::end)
    }

    override fun dispatcherQueueEnd(call: Call, dispatcher: Dispatcher) {
        queued?.let {
            it.restart()
            TimeoutWatch.begin(it)
        }
    }

    override fun canceled(call: Call) {
        handle?.wake()
    }

    /** After a stale one as well: OkHttp may send on another connection by itself, where the request does arrive. */
    override fun connectionAcquired(call: Call, connection: Connection) {
        begins()
        if (!looks || !IdleConnections.isStale(connection)) return
        stale = !sent
        connection.socket().closeQuietly()
    }

    private fun begins() {
        stale = false
        writing = false
        failed = false
    }

    /** After a redirect as well: the answer that it came from is over. */
    override fun connectStart(call: Call, inetSocketAddress: InetSocketAddress, proxy: Proxy) {
        begins()
        answered = false
    }

    /** A connection that is closed here does not send what is written to it. */
    override fun requestHeadersStart(call: Call) {
        if (!stale) sent = true
        answered = false
    }

    override fun requestBodyStart(call: Call) {
        writing = true
    }

    override fun requestBodyEnd(call: Call, byteCount: Long) {
        writing = false
    }

    override fun requestFailed(call: Call, ioe: IOException) {
        failed = true
    }

    override fun responseHeadersStart(call: Call) {
        writing = false
    }

    override fun responseHeadersEnd(call: Call, response: Response) {
        arrived = true
    }

    override fun responseBodyStart(call: Call) {
        answered = true
    }

    /** Translates [error] for the core; [timedOut]: its time was up and it was cancelled for that. */
    fun broken(error: IOException, timedOut: Boolean): Broken {
        val cause = (error as? InterceptorFailure)?.cause ?: error
        if (cause is StaleConnection && !sent) return Broken(Fault.UNSENT, cause, stale = true)
        if (stale && !timedOut) return Broken(Fault.UNSENT, cause, stale = repeatable)
        return judged(fault(cause, timedOut), cause)
    }

    /** What else the error says. After a redirect its connecting says nothing of the first request, which was sent. */
    private fun judged(fault: Fault, error: Throwable): Broken {
        val why =
            when (fault) {
                Fault.UNSENT -> if (sent) Cause.NONE else Causes.ofConnecting(error)
                Fault.LOST, Fault.TRUNCATED -> Causes.ofConnection(error).takeIf { fault == Fault.LOST || it == Cause.PROTOCOL }
                else -> null
            } ?: Cause.NONE
        val permanent =
            Causes.isPermanent(why) || (why == Cause.PROTOCOL && Causes.isPermanent(error)) ||
                (fault == Fault.LOST && Causes.isPermanent(Causes.ofConnecting(error)))
        return Broken(if (permanent) Fault.PERMANENT else fault, error, why)
    }

    private fun fault(error: Throwable, timedOut: Boolean): Fault {
        val late = timedOut || error is InterruptedIOException
        return when {
            error is TooLarge -> Fault.TOO_LARGE
            error !is IOException || error is UnknownServiceException -> Fault.REFUSED
            Causes.isLocal(error) && !sent -> Fault.REFUSED
            // The body's own source failed, not the connection under it.
            writing && !failed && !timedOut -> Fault.REFUSED
            blind -> if (late) Fault.TIMEOUT else if (error is ConnectException || error is UnknownHostException) Fault.UNSENT else Fault.LOST
            !sent -> if (late) Fault.CONNECT_TIMEOUT else Fault.UNSENT
            late -> Fault.TIMEOUT
            error is StreamResetException && error.errorCode == ErrorCode.REFUSED_STREAM && !arrived -> Fault.UNSENT
            error is ConnectionShutdownException && !arrived -> Fault.UNSENT
            answered -> Fault.TRUNCATED
            else -> Fault.LOST
        }
    }
}
