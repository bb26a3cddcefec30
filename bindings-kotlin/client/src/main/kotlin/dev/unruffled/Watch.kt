package dev.unruffled

import okhttp3.Call
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.ThreadLocalRandom
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.LockSupport

/**
 * Looks after the attempts in flight: cancels those whose time is up, and those whose thread was interrupted, which a
 * thread that blocks in a socket does not notice. One daemon thread for the process that looks every few milliseconds while
 * there are attempts and sleeps when there are none; beginning and ending an attempt wakes nobody, which is what OkHttp's
 * own time limit would cost on every call.
 */
internal object Watch {
    /** How often it looks: attempts end at most this much late. */
    const val EVERY_MS = 10L

    /** An attempt in flight. */
    class Flight(private val call: Call, private val thread: Thread?, private val limitMs: Long) {
        private val begun = System.nanoTime()
        private val hash = ThreadLocalRandom.current().nextInt()

        /** Its time was up, and it was cancelled for that. */
        @Volatile
        var late: Boolean = false
            private set

        /** Milliseconds left; [Long.MAX_VALUE] = no limit. */
        fun left(now: Long = System.nanoTime()): Long =
            if (limitMs == 0L) Long.MAX_VALUE else limitMs - TimeUnit.NANOSECONDS.toMillis(now - begun)

        fun look(now: Long) {
            if (left(now) <= 0) {
                late = true
                cancel()
            } else if (thread != null && thread.isInterrupted) {
                cancel()
            }
        }

        fun cancel() {
            call.cancel()
        }

        /** Cheaper than an identity, which the VM makes on demand. */
        override fun hashCode(): Int = hash

        override fun equals(other: Any?): Boolean = this === other
    }

    private val flights: ConcurrentMap<Flight, Flight> = ConcurrentHashMap()

    @Volatile
    private var asleep = false

    private val watcher: Thread by lazy {
        Thread(::run, "unruffled watch").apply {
            isDaemon = true
            start()
        }
    }

    /** Looks after [call] for [limitMs] (0 = no limit), and after the interrupts of [thread] if one blocks for it. */
    fun begin(call: Call, limitMs: Long, thread: Thread?): Flight {
        val flight = Flight(call, thread, limitMs)
        flights[flight] = flight
        val watcher = watcher
        if (asleep) LockSupport.unpark(watcher)
        return flight
    }

    fun end(flight: Flight) {
        flights.remove(flight)
    }

    private fun run() {
        var quiet = 0
        while (true) {
            val now = System.nanoTime()
            quiet = if (flights.isEmpty()) quiet + 1 else 0
            for (flight in flights.keys) flight.look(now)
            if (quiet > QUIET_ROUNDS) {
                asleep = true
                if (flights.isEmpty()) LockSupport.park(this)
                asleep = false
                quiet = 0
            } else {
                LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(EVERY_MS))
            }
        }
    }

    private const val QUIET_ROUNDS = 100
}
