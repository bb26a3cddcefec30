package dev.unruffled

import okhttp3.Call
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.LockSupport

/**
 * A thread that blocks in a socket does not notice its interrupt. While blocking attempts are in flight one daemon thread
 * looks at their threads and cancels the calls of the interrupted ones; it sleeps when there are none.
 */
internal object Interrupts {
    /** How often it looks: an interrupt ends an attempt at most this much later. */
    const val EVERY_MS = 10L

    /** An attempt in flight and the thread that blocks for it. */
    class Watched(val call: Call) {
        val thread: Thread = Thread.currentThread()
    }

    private val flights = ConcurrentHashMap<Watched, Watched>()

    @Volatile
    private var idle = false

    private val watcher: Thread by lazy {
        Thread(::look, "unruffled interrupts").apply {
            isDaemon = true
            start()
        }
    }

    fun watch(call: Call): Watched {
        val watched = Watched(call)
        flights[watched] = watched
        if (idle || !watcher.isAlive) LockSupport.unpark(watcher)
        return watched
    }

    fun leave(watched: Watched) {
        flights.remove(watched)
    }

    private fun look() {
        val every = TimeUnit.MILLISECONDS.toNanos(EVERY_MS)
        var quiet = 0
        while (true) {
            if (flights.isEmpty()) quiet++ else quiet = 0
            for (each in flights.keys) if (each.thread.isInterrupted) each.call.cancel()
            if (quiet > QUIET_ROUNDS) {
                idle = true
                if (flights.isEmpty()) LockSupport.park(this)
                idle = false
                quiet = 0
            } else {
                LockSupport.parkNanos(this, every)
            }
        }
    }

    private const val QUIET_ROUNDS = 100
}
