package dev.unruffled.driver

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.CoroutineContext

/**
 * A call that can be woken while it is alive. A wake before the wait begins is remembered, so that it is not lost between the
 * core's answer and the wait. Knows nothing of how the host waits.
 */
internal class Seat(
    /** The core's number of the call. */
    val id: Int,
) : AtomicReference<Any?>() {
    /** The core's answer to `begin`. */
    var word: Long = 0

    /** Milliseconds of the coming wait that have passed already. */
    var spent: Long = 0

    /** Ends the present wait, else the next one. */
    fun wake() {
        while (true) {
            val now = get()
            if (now === WOKEN) return
            if (now is Bell) {
                if (compareAndSet(now, null)) return now.ring()
            } else if (compareAndSet(null, WOKEN)) {
                return
            }
        }
    }

    /** Registers the handle that a wake calls; `false`: there was a wake already, which is used up now. */
    fun wait(bell: Bell): Boolean = compareAndSet(null, bell) || !compareAndSet(WOKEN, null)

    /** Removes the handle after the wait. */
    fun leave(bell: Bell) {
        compareAndSet(bell, null)
    }

    private companion object {
        val WOKEN = Any()
    }
}

/** What ends one wait. */
internal fun interface Bell {
    fun ring()
}

/** Suspends until the seat is woken or [ms] have passed, on the clock of [context]; `true`: they have. */
internal suspend fun Seat.rest(ms: Long, context: CoroutineContext): Boolean {
    val woken = CompletableDeferred<Unit>()
    val bell = Bell { woken.complete(Unit) }
    if (!wait(bell)) return false
    try {
        return withContext(context) { withTimeoutOrNull(ms) { woken.await() } } == null
    } finally {
        leave(bell)
    }
}
