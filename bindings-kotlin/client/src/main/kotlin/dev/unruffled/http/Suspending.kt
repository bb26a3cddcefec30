package dev.unruffled.http

import dev.unruffled.core.Fault
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Broken
import dev.unruffled.driver.Waiter
import dev.unruffled.driver.pause
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
internal class Suspending(private val transport: Transport) : OkHttpHost {
    override suspend fun send(attempt: Attempt<Request>): OkHttpReply {
        val progress = Progress()
        val call =
            try {
                transport.call(attempt, progress)
            } catch (broken: Broken) {
                throw broken
            } catch (@Suppress("TooGenericExceptionCaught") refused: Exception) {
                throw Broken(Fault.REFUSED, refused)
            }
        var callback: AttemptCallback? = null
        try {
            return suspendCancellableCoroutine { continuation ->
                continuation.invokeOnCancellation { call.cancel() }
                val here = AttemptCallback(attempt, call, progress, continuation).also { callback = it }
                TimeoutWatch.begin(here.timeLimit)
                call.enqueue(here)
            }
        } catch (cancelled: CancellationException) {
            // It may have come in the moment in which the caller was cancelled.
            callback?.reply?.close()
            throw cancelled
        }
    }

    /** The end of one attempt: whichever of answer, failure and time limit comes first. */
    private inner class AttemptCallback(
        private val attempt: Attempt<Request>,
        call: Call,
        private val progress: Progress,
        private val continuation: CancellableContinuation<OkHttpReply>,
    ) : AtomicBoolean(),
        Callback,
        Runnable {
        /** The reply before the caller has received it. */
        @Volatile
        var reply: OkHttpReply? = null
            private set

        val timeLimit = TimeoutWatch.TimeLimit(call, attempt.timeoutMs, onLate = this, upload = progress.upload)

        override fun onResponse(call: Call, response: Response) {
            val reply =
                try {
                    transport.reply(attempt, response, timeLimit)
                } catch (e: IOException) {
                    return broken(e)
                } catch (e: RuntimeException) {
                    return broken(InterceptorFailure(e))
                } catch (@Suppress("TooGenericExceptionCaught") fatal: Throwable) {
                    // OkHttp would throw it on this thread only, and the caller would wait for ever.
                    TimeoutWatch.end(timeLimit)
                    if (compareAndSet(false, true)) continuation.resumeWithException(fatal)
                    throw fatal
                }
            TimeoutWatch.end(timeLimit)
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
            TimeoutWatch.end(timeLimit)
            if (compareAndSet(false, true)) continuation.resumeWithException(progress.broken(error, timeLimit.late))
        }
    }

    override suspend fun retain(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray =
        elsewhere(reply) { transport.readSome(it, most, withinMs) }

    override suspend fun whole(reply: OkHttpReply, most: Long): ByteArray = elsewhere(reply) { transport.readWhole(it, most) }

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean =
        waiter.pause(ms, if (parked) transport.dispatcher else EmptyCoroutineContext)

    /** Starts the function at once; if it suspends, it is waited for in real time. */
    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T {
        if (withinMs == 0L) return function()
        val running = RunningFunction<T>(currentCoroutineContext())
        try {
            val result = function.startCoroutineUninterceptedOrReturn(running)
            if (result !== COROUTINE_SUSPENDED) {
                @Suppress("UNCHECKED_CAST")
                return result as T
            }
            val got = withContext(transport.dispatcher) { withTimeoutOrNull(withinMs) { running.got.await() } }
            return (got ?: throw tooSlow(withinMs)).getOrThrow()
        } finally {
            running.job.cancel()
        }
    }

    /** A function of the caller's under way, in the caller's context. */
    private class RunningFunction<T>(caller: CoroutineContext) : Continuation<T> {
        val job = Job(caller[Job])
        val got = CompletableDeferred<Result<T>>()
        override val context: CoroutineContext = caller + job

        override fun resumeWith(result: Result<T>) {
            got.complete(result)
        }
    }

    /** Blocking reads run on the transport's threads; a cancellation breaks them off. */
    private suspend fun elsewhere(reply: OkHttpReply, read: (OkHttpReply) -> ByteArray): ByteArray {
        reply.bytes?.let { return it }
        return suspendCancellableCoroutine { continuation ->
            continuation.invokeOnCancellation { reply.cancel() }
            transport.executor.execute { continuation.resumeWith(runCatching { read(reply) }) }
        }
    }
}
