package dev.unruffled.http

import dev.unruffled.core.Fault
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Broken
import dev.unruffled.driver.Seat
import dev.unruffled.driver.rest
import dev.unruffled.driver.tooSlow
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Request
import okhttp3.Response
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.cancellation.CancellationException
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.startCoroutineUninterceptedOrReturn
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException

/** The host for coroutines: attempts run on the transport's threads, waits suspend, cancellation cancels the call at once. */
internal class Suspending(private val transport: Transport) : OkHost {
    override suspend fun send(attempt: Attempt<Request>): Answer {
        val progress = Progress()
        val call =
            try {
                transport.call(attempt, progress)
            } catch (broken: Broken) {
                throw broken
            } catch (@Suppress("TooGenericExceptionCaught") refused: Exception) {
                throw Broken(Fault.REFUSED, refused)
            }
        var landing: Landing? = null
        try {
            return suspendCancellableCoroutine { continuation ->
                continuation.invokeOnCancellation { call.cancel() }
                val here = Landing(attempt, call, progress, continuation).also { landing = it }
                Watch.begin(here.flight)
                call.enqueue(here)
            }
        } catch (cancelled: CancellationException) {
            // It may have come in the moment in which the caller was cancelled.
            landing?.reply?.close()
            throw cancelled
        }
    }

    /** The end of one attempt: whichever of answer, failure and time limit comes first. */
    private inner class Landing(
        private val attempt: Attempt<Request>,
        call: Call,
        private val progress: Progress,
        private val continuation: CancellableContinuation<Answer>,
    ) : AtomicBoolean(),
        Callback,
        Runnable {
        /** The reply before the caller has received it. */
        @Volatile
        var reply: Answer? = null
            private set

        val flight = Watch.Flight(call, attempt.timeoutMs, onLate = this, upload = progress.upload)

        override fun onResponse(call: Call, response: Response) {
            val reply =
                try {
                    transport.reply(attempt, response, flight)
                } catch (e: IOException) {
                    return broken(e)
                } catch (e: RuntimeException) {
                    return broken(Refused(e))
                } catch (@Suppress("TooGenericExceptionCaught") fatal: Throwable) {
                    // OkHttp would throw it on this thread only, and the caller would wait for ever.
                    Watch.end(flight)
                    if (compareAndSet(false, true)) continuation.resumeWithException(fatal)
                    throw fatal
                }
            Watch.end(flight)
            this.reply = reply
            val first = compareAndSet(false, true)
            if (first) continuation.resume(reply)
            // It came too late, or its caller had been cancelled.
            if (!first || continuation.isCancelled) reply.close()
        }

        override fun onFailure(call: Call, e: IOException) = broken(e)

        /** The time is up. */
        override fun run() = broken(InterruptedIOException("timeout"))

        private fun broken(error: IOException) {
            Watch.end(flight)
            if (compareAndSet(false, true)) continuation.resumeWithException(progress.broken(error, flight.late))
        }
    }

    override suspend fun keep(reply: Answer, most: Long, withinMs: Long): ByteArray =
        elsewhere(reply) { transport.readSome(it, most, withinMs) }

    override suspend fun whole(reply: Answer, most: Long): ByteArray = elsewhere(reply) { transport.readWhole(it, most) }

    override suspend fun rest(seat: Seat, ms: Long, parked: Boolean): Boolean =
        seat.rest(ms, if (parked) transport.dispatcher else EmptyCoroutineContext)

    /** Starts the function at once; if it suspends, it is waited for in real time. */
    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T {
        if (withinMs == 0L) return function()
        val asked = Asked<T>(currentCoroutineContext())
        try {
            val result = function.startCoroutineUninterceptedOrReturn(asked)
            if (result !== COROUTINE_SUSPENDED) {
                @Suppress("UNCHECKED_CAST")
                return result as T
            }
            val got = withContext(transport.dispatcher) { withTimeoutOrNull(withinMs) { asked.got.await() } }
            return (got ?: throw tooSlow(withinMs)).getOrThrow()
        } finally {
            asked.job.cancel()
        }
    }

    /** A function of the caller's under way, in the caller's context. */
    private class Asked<T>(caller: CoroutineContext) : Continuation<T> {
        val job = Job(caller[Job])
        val got = CompletableDeferred<Result<T>>()
        override val context: CoroutineContext = caller + job

        override fun resumeWith(result: Result<T>) {
            got.complete(result)
        }
    }

    /** Blocking reads run on the transport's threads; a cancellation breaks them off. */
    private suspend fun elsewhere(reply: Answer, read: (Answer) -> ByteArray): ByteArray {
        reply.bytes?.let { return it }
        return suspendCancellableCoroutine { continuation ->
            continuation.invokeOnCancellation { reply.cancel() }
            transport.executor.execute { continuation.resumeWith(runCatching { read(reply) }) }
        }
    }
}
