package dev.unruffled.driver

import dev.unruffled.http.Blocking
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.Suspending
import dev.unruffled.http.Transport
import dev.unruffled.http.interrupted
import dev.unruffled.http.onThisThread
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.StandardTestDispatcher
import kotlinx.coroutines.test.TestCoroutineScheduler
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.Semaphore
import kotlin.coroutines.CoroutineContext

// A virtual time for callers of either kind. It advances when all callers wait, so that hours of waiting take no time, and
// the order of events is the same in every run.

/** An environment of callers: coroutines or threads, the waits of the real host, and cancellation. */
internal interface World {
    val clock: Clock

    /** The context of refreshes. */
    val context: CoroutineContext

    /** The host whose waits are used; it sends nothing. */
    fun host(transport: Transport): OkHttpHost

    /** Begins a caller [inMs] from now. */
    fun begin(inMs: Long, work: suspend () -> Unit)

    /** Waits until [ready] is true. It is checked after each end of a caller. */
    suspend fun until(ready: () -> Boolean)

    /** Waits [ms]. A cancellation ends the wait with the platform's own exception. */
    suspend fun pass(ms: Long)

    /** Cancels the calling coroutine or thread, [inMs] from now. */
    suspend fun cancel(inMs: Long)

    /** Runs everything to its end. Returns `false` if a caller waits for ever. */
    fun run(): Boolean
}

/** Coroutines on the test scheduler. */
@OptIn(ExperimentalCoroutinesApi::class)
internal class Coroutines : World {
    private val scheduler = TestCoroutineScheduler()
    private val everything = SupervisorJob()
    private val quiet = CoroutineExceptionHandler { _, _ -> }
    private val scope = CoroutineScope(StandardTestDispatcher(scheduler) + everything + quiet)

    override val clock = VirtualClock { scheduler.currentTime }

    override val context: CoroutineContext = scope.coroutineContext

    override fun host(transport: Transport): OkHttpHost = Suspending(transport)

    private val expected = ArrayList<Pair<() -> Boolean, CompletableDeferred<Unit>>>()

    override fun begin(inMs: Long, work: suspend () -> Unit) {
        scope.launch {
            try {
                delay(inMs)
                work()
            } finally {
                expected.filter { (ready, _) -> ready() }.forEach { (_, told) -> told.complete(Unit) }
            }
        }
    }

    override suspend fun until(ready: () -> Boolean) {
        if (ready()) return
        val told = CompletableDeferred<Unit>()
        expected += ready to told
        told.await()
    }

    override suspend fun pass(ms: Long) = delay(maxOf(1, ms))

    override suspend fun cancel(inMs: Long) {
        val job: Job = currentCoroutineContext().job
        if (inMs == 0L) {
            job.cancel()
        } else {
            scope.launch {
                delay(inMs)
                job.cancel()
            }
        }
    }

    override fun run(): Boolean {
        scheduler.advanceUntilIdle()
        return everything.children.none()
    }
}

/** Threads of which one runs at a time: until it waits, then the next one whose wait is over. */
internal class Threads : World {
    private class Waiting(val until: Long, val thread: Thread?, val ready: () -> Boolean) {
        val gate = Semaphore(0)
    }

    private val waiting = ArrayList<Waiting>()
    private val over = Semaphore(0)
    private var time = 0L
    private var alive = 0
    private var begun = 0

    /** Threads are used again: a cancellation that comes too late must not find the next caller. */
    private val callers = HashMap<Thread, Int>()

    override val clock =
        object : VirtualClock({ time }) {
            override fun await(woken: CountDownLatch, ms: Long): Boolean {
                turn(time + ms) { woken.count == 0L }
                if (Thread.interrupted()) throw InterruptedException()
                return woken.count > 0
            }
        }

    override val context: CoroutineContext =
        object : CoroutineDispatcher() {
            override fun dispatch(context: CoroutineContext, block: Runnable) = begin(0) { block.run() }
        }

    override fun host(transport: Transport): OkHttpHost = Blocking(transport, clock)

    override fun begin(inMs: Long, work: suspend () -> Unit) {
        alive++
        val number = begun++
        val start = Waiting(time + inMs, null) { false }
        waiting += start
        pool.execute {
            start.gate.acquireUninterruptibly()
            callers[Thread.currentThread()] = number
            try {
                runCatching { onThisThread { work() } }
            } finally {
                callers -= Thread.currentThread()
                Thread.interrupted()
                alive--
                next()
            }
        }
    }

    override suspend fun until(ready: () -> Boolean) = turn(Long.MAX_VALUE, ready)

    override suspend fun pass(ms: Long) {
        turn(time + maxOf(1, ms)) { false }
        if (Thread.currentThread().isInterrupted) throw interrupted()
    }

    override suspend fun cancel(inMs: Long) {
        val thread = Thread.currentThread()
        val number = callers[thread]
        if (inMs == 0L) thread.interrupt() else begin(inMs) { if (callers[thread] == number) thread.interrupt() }
    }

    override fun run(): Boolean {
        next()
        over.acquire()
        return alive == 0
    }

    private fun turn(until: Long, ready: () -> Boolean) {
        val mine = Waiting(until, Thread.currentThread(), ready)
        waiting += mine
        next()
        mine.gate.acquireUninterruptibly()
    }

    /** Runs the thread whose wait ends first. Advances the time if all of them wait. */
    private fun next() {
        val first =
            waiting.firstOrNull { it.until <= time || it.thread?.isInterrupted == true || it.ready() }
                ?: waiting.minByOrNull { it.until }?.takeIf { it.until < Long.MAX_VALUE }
        if (first == null) return over.release()
        waiting -= first
        if (first.until < Long.MAX_VALUE && !first.ready() && first.thread?.isInterrupted != true) {
            time = maxOf(time, first.until)
        }
        first.gate.release()
    }

    private companion object {
        val pool = Executors.newCachedThreadPool { Thread(it, "caller").apply { isDaemon = true } }
    }
}

/** A clock that shows a given time. */
internal open class VirtualClock(private val time: () -> Long) : Clock {
    override fun now(): Long = time()

    override fun wall(): Long = WALL + time()

    private companion object {
        const val WALL = 1_767_225_600_000
    }
}
