package dev.unruffled.under

import dev.unruffled.CallException
import dev.unruffled.core.Fault
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Broken
import dev.unruffled.driver.CallRecord
import dev.unruffled.driver.Host
import dev.unruffled.driver.PreparedCall
import dev.unruffled.driver.Waiter
import dev.unruffled.driver.WakeHandle
import dev.unruffled.http.Keyed
import dev.unruffled.http.Progress
import dev.unruffled.http.interrupted
import dev.unruffled.http.isRepeatable
import dev.unruffled.http.origin
import okhttp3.Request
import okhttp3.Response
import java.io.IOException
import java.io.InterruptedIOException
import java.net.SocketTimeoutException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/**
 * One call of a drop-in under OkHttp: the requests of its attempts, the answers that the core receives, and the end of the
 * call in OkHttp's own terms. Subclasses make the attempts.
 */
internal abstract class OkHttpCall(
    protected val dropIn: DropIn,
    private val request: Request,
) : Host<Request, Received> {
    private val above: CallRecord? = request.tag(CallRecord::class.java)
    private val record = above ?: CallRecord()
    private var last: Response? = null
    private var prior: Response? = null
    private var thrown: RuntimeException? = null
    private lateinit var prepared: PreparedCall<Request>

    /** The caller has cancelled the call. */
    protected abstract val canceled: Boolean

    /**
     * Drives the call to its end; [withinMs] is the caller's own limit for it, 0 = no limit; [flags] are added to those of
     * [CallTrait].
     *
     * @throws IOException and nothing else, but what an interceptor of the caller's threw.
     */
    suspend fun drive(withinMs: Long, flags: Int = 0): Response {
        val url = request.url
        val size = request.body?.contentLength()?.coerceAtLeast(0) ?: 0
        try {
            prepared =
                dropIn.prepare(
                    DropInRequest(
                        request,
                        request.method,
                        request.origin(),
                        url.encodedPath,
                        request.isRepeatable(),
                        size,
                        nested = above != null,
                        withinMs = withinMs,
                        flags = flags,
                    ),
                ) { request.header(it) }
            return dropIn.run(this, prepared, record).deliver(prior)
        } catch (local: LocalAnswer) {
            return local.response
        } catch (unsent: CallException) {
            throw unsent.nativeError()
        } catch (mistake: RuntimeException) {
            throw if (mistake === thrown) mistake else IOException(mistake)
        }
    }

    /** Milliseconds left of the caller's own limit; `null` = no limit. */
    protected fun left(): Long? =
        if (prepared.deadline == 0L) null else (prepared.deadline - dropIn.engine.clock.now()).coerceAtLeast(1)

    /** The request of an attempt: the caller's with the record, the idempotency key and [more]. */
    protected fun requestFor(attempt: Attempt<Request>, more: Request.Builder.() -> Unit = {}): Request {
        if (canceled) throw canceled(null)
        last?.let { answered ->
            val stripped = answered.newBuilder().body(Received.EMPTY)
            if (answered.priorResponse == null) stripped.priorResponse(prior)
            prior = stripped.build()
        }
        last = null
        val builder = request.newBuilder().apply(more)
        if (above == null) builder.tag(CallRecord::class.java, record)
        attempt.extras?.keyHeader?.let {
            if (request.header(it) == null) builder.header(it, attempt.extras.key)
            builder.tag(Keyed::class.java, Keyed)
        }
        return builder.build()
    }

    /** Makes one attempt, each in its own way. */
    protected abstract suspend fun attempt(attempt: Attempt<Request>): Received

    final override suspend fun send(attempt: Attempt<Request>): Received = attempt(attempt).also { last = it.response }

    /** An answer whose headers have come; its body as well if the policy wants that. */
    protected fun received(attempt: Attempt<Request>, response: Response): Received {
        if (response.code >= SERVER_ERROR && response.isLocal()) throw LocalAnswer(response)
        val limits = dropIn.engine.settings.routes[attempt.route]
        try {
            if (limits.idleWritten) response.body.source().timeout().timeout(limits.idle, TimeUnit.MILLISECONDS)
            return Received(response).apply { buffer(limits.bufferUpTo, dropIn.streamType) }
        } catch (@Suppress("TooGenericExceptionCaught") broken: Throwable) {
            response.close()
            throw broken
        }
    }

    /** The error of a failed attempt: the caller's cancellation, or one for the core to judge. */
    protected fun broken(error: IOException, progress: Progress, late: Boolean, stopped: Boolean): IOException {
        if (canceled) return canceled(error)
        // The attempt itself may be cancelled: by a dispatcher's cancelAll, for example, or by a time limit.
        if (stopped && !late && error !is InterruptedIOException) return error
        // A reader whose socket was closed throws another error than callers know from a time limit.
        val shown = if (late) SocketTimeoutException("timeout").apply { initCause(error) } else error
        return progress.broken(shown, late).also { if (it.fault == Fault.REFUSED) thrown = it.cause as? RuntimeException }
    }

    protected fun refused(error: RuntimeException): Broken {
        thrown = error
        return Broken(Fault.REFUSED, error)
    }

    override suspend fun retain(reply: Received, most: Long, withinMs: Long): ByteArray = reply.start(most, withinMs)

    override fun retained(reply: Received, bytes: ByteArray): Received = reply.retained(bytes)

    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T = function()

    /** Blocks this thread; [register] sets the handle that a cancellation wakes. */
    protected inline fun block(waiter: Waiter, ms: Long, register: (WakeHandle?) -> Unit): Boolean {
        val woken = CountDownLatch(1)
        val handle = WakeHandle { woken.countDown() }
        var passed = false
        register(handle)
        try {
            if (!canceled && waiter.register(handle)) passed = dropIn.engine.clock.await(woken, ms)
        } catch (_: InterruptedException) {
            throw interrupted()
        } finally {
            register(null)
            waiter.unregister(handle)
        }
        if (canceled) throw canceled(null)
        return passed
    }

    protected companion object {
        private const val SERVER_ERROR = 500

        /** What OkHttp throws. */
        fun canceled(cause: IOException?): IOException =
            if (cause?.message == "Canceled") cause else IOException("Canceled", cause)

        /** Whether an answer is from a cache, or from a cache without an entry: the server did not receive the request. */
        private fun Response.isLocal(): Boolean =
            networkResponse == null && (cacheResponse != null || request.cacheControl.onlyIfCached)
    }
}

/** An answer that did not come from the server. It is not reported to the core. */
private class LocalAnswer(val response: Response) : IOException() {
    override fun fillInStackTrace(): Throwable = this
}
