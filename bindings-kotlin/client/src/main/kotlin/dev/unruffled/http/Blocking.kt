package dev.unruffled.http

import dev.unruffled.core.Fault
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Broken
import dev.unruffled.driver.Clock
import dev.unruffled.driver.Waiter
import dev.unruffled.driver.WakeHandle
import dev.unruffled.driver.tooSlow
import okhttp3.Request
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException
import java.util.concurrent.FutureTask
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.startCoroutineUninterceptedOrReturn

/**
 * The host for plain threads: everything happens on the caller's own thread and nothing suspends. An interrupt ends waits at
 * once and attempts within [TimeoutWatch.EVERY_MS] ms, as [InterruptedIOException], and the thread stays interrupted.
 */
internal class Blocking(private val transport: Transport, private val clock: Clock) : OkHttpHost {
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
        if (Thread.currentThread().isInterrupted) throw interrupted()
        val timeLimit = TimeoutWatch.TimeLimit(call, attempt.timeoutMs, Thread.currentThread(), upload = progress.upload)
        TimeoutWatch.begin(timeLimit)
        try {
            return transport.reply(attempt, call.execute(), timeLimit)
        } catch (error: IOException) {
            if (Thread.currentThread().isInterrupted) throw interrupted()
            throw progress.broken(error, timeLimit.late)
        } finally {
            TimeoutWatch.end(timeLimit)
        }
    }

    override suspend fun retain(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray =
        reply.bytes ?: transport.readSome(reply, most, withinMs)

    override suspend fun whole(reply: OkHttpReply, most: Long): ByteArray =
        reply.bytes ?: transport.readWhole(reply, most)

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean {
        val woken = CountDownLatch(1)
        val handle = WakeHandle { woken.countDown() }
        if (!waiter.register(handle)) return false
        try {
            return clock.await(woken, ms)
        } catch (_: InterruptedException) {
            throw interrupted()
        } finally {
            waiter.unregister(handle)
        }
    }

    /** Bounded, the function runs on another thread: one that blocks in a socket notices no interrupt. */
    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T {
        if (withinMs == 0L) return onThisThread(function)
        val running = FutureTask { onThisThread(function) }
        transport.executor.execute(running)
        try {
            return running.get(withinMs, TimeUnit.MILLISECONDS)
        } catch (failed: ExecutionException) {
            throw failed.cause ?: failed
        } catch (_: TimeoutException) {
            running.cancel(true)
            throw tooSlow(withinMs)
        } catch (_: InterruptedException) {
            running.cancel(true)
            throw interrupted()
        }
    }
}

/** The error of an interrupted thread. Sets the thread's flag again. */
internal fun interrupted(): InterruptedIOException {
    Thread.currentThread().interrupt()
    return InterruptedIOException("interrupted")
}

/**
 * Runs [work] on this thread. Over a [Blocking] host it never suspends; a function of the caller's that does is waited for.
 *
 * @throws InterruptedIOException if the thread is interrupted while such a function runs.
 */
internal fun <T> onThisThread(work: suspend () -> T): T {
    val done = Done<T>()
    val result = work.startCoroutineUninterceptedOrReturn(done)
    if (result !== COROUTINE_SUSPENDED) {
        @Suppress("UNCHECKED_CAST")
        return result as T
    }
    return done.await()
}

private class Done<T> : Continuation<T> {
    private val latch = CountDownLatch(1)
    private var result: Result<T>? = null

    override val context: CoroutineContext get() = EmptyCoroutineContext

    override fun resumeWith(result: Result<T>) {
        this.result = result
        latch.countDown()
    }

    fun await(): T {
        try {
            latch.await()
        } catch (_: InterruptedException) {
            throw interrupted()
        }
        return checkNotNull(result).getOrThrow()
    }
}
