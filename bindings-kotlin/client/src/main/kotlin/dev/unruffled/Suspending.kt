package dev.unruffled

import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Request
import okhttp3.Response
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException

/** The host for coroutines: attempts run on the transport's threads, waits suspend, cancellation cancels the call at once. */
internal class Suspending(private val transport: Transport) : OkHost {
    override suspend fun send(attempt: Attempt<Request>): Answer =
        suspendCancellableCoroutine { continuation ->
            val progress = Progress()
            val call =
                try {
                    transport.call(attempt, progress)
                } catch (refused: RuntimeException) {
                    continuation.resumeWithException(Broken(Fault.REFUSED, refused))
                    return@suspendCancellableCoroutine
                }
            continuation.invokeOnCancellation { call.cancel() }
            val landing = Landing(attempt, call, progress, continuation)
            Watch.begin(landing.flight)
            call.enqueue(landing)
        }

    /** Where one attempt ends, whichever way comes first. */
    private inner class Landing(
        private val attempt: Attempt<Request>,
        call: Call,
        private val progress: Progress,
        private val continuation: CancellableContinuation<Answer>,
    ) : AtomicBoolean(),
        Callback,
        Runnable {
        val flight = Watch.Flight(call, attempt.timeoutMs, onLate = this)

        override fun onResponse(call: Call, response: Response) {
            val reply =
                try {
                    transport.reply(attempt, response, flight)
                } catch (e: IOException) {
                    return broken(e)
                } catch (e: RuntimeException) {
                    return broken(Refused(e))
                } catch (@Suppress("TooGenericExceptionCaught") fatal: Throwable) {
                    // OkHttp would only tell this thread; whoever waits must not wait for ever.
                    Watch.end(flight)
                    if (compareAndSet(false, true)) continuation.resumeWithException(fatal)
                    throw fatal
                }
            Watch.end(flight)
            if (compareAndSet(false, true)) continuation.resume(reply) { _, late, _ -> late.close() } else reply.close()
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

    override suspend fun rest(seat: Seat, ms: Long) {
        val woken = CompletableDeferred<Unit>()
        val bell = Bell { woken.complete(Unit) }
        if (!seat.wait(bell)) return
        try {
            withTimeoutOrNull(ms) { woken.await() }
        } finally {
            seat.leave(bell)
        }
    }

    override suspend fun <T> ask(function: suspend () -> T): T = function()

    /** Blocking reads run on the transport's threads; a cancellation breaks them off. */
    private suspend fun elsewhere(reply: Answer, read: (Answer) -> ByteArray): ByteArray {
        reply.bytes?.let { return it }
        return suspendCancellableCoroutine { continuation ->
            continuation.invokeOnCancellation { reply.cancel() }
            transport.executor.execute { continuation.resumeWith(runCatching { read(reply) }) }
        }
    }
}
