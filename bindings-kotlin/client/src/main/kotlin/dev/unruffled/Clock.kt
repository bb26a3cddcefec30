package dev.unruffled

import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/** The two clocks of an engine. Injected, so that tests own the time. */
internal interface Clock {
    /** Whole milliseconds since the engine was opened; never steps back. */
    fun now(): Long

    /** Unix time in milliseconds. */
    fun wall(): Long

    /** Blocks this thread until [woken] is at zero, [ms] have passed or it is interrupted. */
    fun await(woken: CountDownLatch, ms: Long) {
        woken.await(ms, TimeUnit.MILLISECONDS)
    }
}

/** The platform's clocks. */
internal class SystemClock : Clock {
    private val opened = System.nanoTime()

    override fun now(): Long = (System.nanoTime() - opened) / NANOS

    override fun wall(): Long = System.currentTimeMillis()

    private companion object {
        const val NANOS = 1_000_000L
    }
}
