package dev.unruffled.driver

import dev.unruffled.InternalUnruffledApi
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.CoroutineContext

/**
 * A call that can be woken while it is alive. A wake before the wait begins is remembered, so that it is not lost between the
 * core's answer and the wait. Knows nothing of how the host waits.
 */
@InternalUnruffledApi
public class Waiter internal constructor(
    /** The core's number of the call. */
    internal val id: Int,
) : AtomicReference<Any?>() {
    /** The core's answer to `begin`. */
    internal var word: Long = 0

    /** Milliseconds of the coming wait that have passed already. */
    internal var spent: Long = 0

    /** Ends the present wait, else the next one. */
    public fun wake() {
        while (true) {
            val now = get()
            if (now === WOKEN) return
            if (now is WakeHandle) {
                if (compareAndSet(now, null)) return now.wake()
            } else if (compareAndSet(null, WOKEN)) {
                return
            }
        }
    }

    /** Registers the handle that a wake calls; `false`: there was a wake already, which is used up now. */
    internal fun register(handle: WakeHandle): Boolean = compareAndSet(null, handle) || !compareAndSet(WOKEN, null)

    /** Removes the handle after the wait. */
    internal fun unregister(handle: WakeHandle) {
        compareAndSet(handle, null)
    }

    private companion object {
        val WOKEN = Any()
    }
}

/** What ends one wait. */
internal fun interface WakeHandle {
    public fun wake()
}

/** Suspends until the waiter is woken or [ms] have passed, on the clock of [context]; `true`: they have. */
@InternalUnruffledApi
public suspend fun Waiter.pause(ms: Long, context: CoroutineContext): Boolean {
    val woken = CompletableDeferred<Unit>()
    val handle = WakeHandle { woken.complete(Unit) }
    if (!register(handle)) return false
    try {
        return withContext(context) { withTimeoutOrNull(ms) { woken.await() } } == null
    } finally {
        unregister(handle)
    }
}
