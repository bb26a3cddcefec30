package dev.unruffled.driver

import dev.unruffled.InternalUnruffledApi
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong

/** The two clocks of an engine. Injected, so that tests own the time. */
@InternalUnruffledApi
public interface Clock {
    /** Whole milliseconds since the engine was opened; never steps back. */
    public fun now(): Long

    /** Unix time in milliseconds. */
    public fun wall(): Long

    /** Blocks this thread until [woken] is at zero, [ms] have passed or it is interrupted; `true`: they have passed. */
    public fun await(woken: CountDownLatch, ms: Long): Boolean = !woken.await(ms, TimeUnit.MILLISECONDS)

    /** Advances this clock to [now] after a wait on a test's virtual clock. */
    public fun advanceTo(now: Long): Unit = Unit
}

/** The platform's clocks. */
internal class SystemClock : Clock {
    private val opened = System.nanoTime()

    /** Milliseconds that passed on a virtual clock only. */
    private val ahead = AtomicLong()

    override fun now(): Long = (System.nanoTime() - opened) / NANOS + ahead.get()

    override fun advanceTo(now: Long) {
        while (true) {
            val before = ahead.get()
            val missing = now - (System.nanoTime() - opened) / NANOS - before
            if (missing <= 0 || ahead.compareAndSet(before, before + missing)) return
        }
    }

    override fun wall(): Long = System.currentTimeMillis()

    private companion object {
        const val NANOS = 1_000_000L
    }
}
