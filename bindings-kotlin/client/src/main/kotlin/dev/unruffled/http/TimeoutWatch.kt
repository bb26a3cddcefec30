package dev.unruffled.http

import okhttp3.Call
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.ThreadLocalRandom
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.LockSupport

/**
 * Cancels attempts whose time is up, and those whose thread was interrupted, which a thread that blocks in a socket does not
 * notice. One daemon thread of the process checks every few milliseconds while there are attempts, and sleeps otherwise.
 * Beginning and ending an attempt wakes no thread; OkHttp's own time limit would do so on every call.
 */
internal object TimeoutWatch {
    /** How often it looks: attempts end at most this much late. */
    const val EVERY_MS = 10L

    /**
     * An attempt in flight: [limitMs] (0 = no limit) is its time, [thread] the one that blocks for it. [onLate] runs when the
     * time is up, because a name lookup goes on after its call was cancelled. An [upload] that moves has more time.
     */
    class TimeLimit(
        private val call: Call,
        private val limitMs: Long,
        private val thread: Thread? = null,
        private val onLate: Runnable? = null,
        private val upload: Upload? = null,
    ) {
        private var begun = System.nanoTime()
        private val hash = ThreadLocalRandom.current().nextInt()

        /** Its time was up, and it was cancelled for that. */
        @Volatile
        var late: Boolean = false
            private set

        /** Milliseconds left; [Long.MAX_VALUE] = no limit. */
        fun left(now: Long = System.nanoTime()): Long {
            if (limitMs == 0L) return Long.MAX_VALUE
            val own = limitMs - TimeUnit.NANOSECONDS.toMillis(now - begun)
            return if (upload == null) own else maxOf(own, upload.left(now))
        }

        /** All of its time is left again; for one that is not watched. */
        fun restart() {
            begun = System.nanoTime()
        }

        fun look(now: Long) {
            if (left(now) <= 0) {
                late = true
                cancel()
                onLate?.run()
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

    private val timeLimits: ConcurrentMap<TimeLimit, TimeLimit> = ConcurrentHashMap()

    @Volatile
    private var asleep = false

    private val watcher: Thread by lazy {
        Thread(::run, "unruffled watch").apply {
            isDaemon = true
            start()
        }
    }

    fun begin(timeLimit: TimeLimit) {
        timeLimits[timeLimit] = timeLimit
        val watcher = watcher
        if (asleep) LockSupport.unpark(watcher)
    }

    fun end(timeLimit: TimeLimit) {
        timeLimits.remove(timeLimit)
    }

    private fun run() {
        var quiet = 0
        while (true) {
            val now = System.nanoTime()
            quiet = if (timeLimits.isEmpty()) quiet + 1 else 0
            for (timeLimit in timeLimits.keys) {
                try {
                    timeLimit.look(now)
                } catch (_: RuntimeException) {
                    // A listener of the caller's that throws when its call is cancelled must not end the watch.
                }
            }
            if (quiet > QUIET_ROUNDS) {
                asleep = true
                if (timeLimits.isEmpty()) LockSupport.park(this)
                asleep = false
                quiet = 0
            } else {
                LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(EVERY_MS))
            }
        }
    }

    private const val QUIET_ROUNDS = 100
}
