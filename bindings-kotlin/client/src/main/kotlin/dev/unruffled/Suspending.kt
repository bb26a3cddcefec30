package dev.unruffled

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Response
import java.io.IOException
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException

/** The host for coroutines: attempts run on the transport's threads, waits suspend, cancellation cancels the call at once. */
internal class Suspending(private val transport: Transport) : Host {
    override suspend fun send(attempt: Attempt): Reply =
        suspendCancellableCoroutine { continuation ->
            val progress = Progress()
            val call =
                try {
                    transport.call(attempt, progress)
                } catch (refused: RuntimeException) {
                    continuation.resumeWithException(Broken(Fault.REFUSED, refused))
                    return@suspendCancellableCoroutine
                }
            val limit = if (attempt.streamed && attempt.timeoutMs > 0) HeaderLimit(call) else null
            continuation.invokeOnCancellation { call.cancel() }
            limit?.timeout(attempt.timeoutMs, TimeUnit.MILLISECONDS)
            limit?.enter()
            call.enqueue(
                object : Callback {
                    override fun onFailure(call: Call, e: IOException) {
                        limit?.exit()
                        continuation.resumeWithException(Broken(progress.fault(e, limit?.passed == true), e))
                    }

                    override fun onResponse(call: Call, response: Response) {
                        limit?.exit()
                        val reply =
                            try {
                                transport.reply(attempt, response)
                            } catch (e: IOException) {
                                continuation.resumeWithException(Broken(progress.fault(e), e))
                                return
                            }
                        continuation.resume(reply) { _, late, _ -> late.close() }
                    }
                },
            )
        }

    override suspend fun keep(reply: Reply, most: Long, withinMs: Long): ByteArray =
        elsewhere(reply) { transport.readSome(it, most, withinMs) }

    override suspend fun whole(reply: Reply, most: Long): ByteArray = elsewhere(reply) { transport.readWhole(it, most) }

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

    /** Blocking reads run on the transport's threads; a cancellation closes the response under them. */
    private suspend fun elsewhere(reply: Reply, read: (Response) -> ByteArray): ByteArray {
        reply.bytes?.let { return it }
        val response = checkNotNull(reply.open)
        return suspendCancellableCoroutine { continuation ->
            continuation.invokeOnCancellation { transport.executor.execute(response::close) }
            transport.executor.execute { continuation.resumeWith(runCatching { read(response) }) }
        }
    }
}
