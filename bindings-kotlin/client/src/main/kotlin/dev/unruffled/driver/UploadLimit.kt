package dev.unruffled.driver

import dev.unruffled.InternalUnruffledApi
import java.util.concurrent.TimeUnit

/**
 * The time limit of an upload. It holds while one of its pieces moves at least every [idleMs], and then for the attempt's time
 * ([limitMs]) from the last piece on. The call's own time ([wholeMs]; 0 = no limit) bounds both.
 */
@InternalUnruffledApi
public class UploadLimit(private val limitMs: Long, private val idleMs: Long, private val wholeMs: Long) {
    private enum class State { BEFORE, UNDER_WAY, OVER }

    private val made = System.nanoTime()

    @Volatile
    private var state = State.BEFORE

    @Volatile
    private var movedAt = 0L

    public val hasBegun: Boolean get() = state != State.BEFORE

    /** The first piece is about to move; of a body that is sent again, once more. */
    public fun begin() {
        moved()
        state = State.UNDER_WAY
    }

    /** A piece has moved. */
    public fun moved(now: Long = System.nanoTime()) {
        movedAt = now
    }

    /** The last piece has moved. */
    public fun end() {
        moved()
        state = State.OVER
    }

    /** Milliseconds that the upload gives its attempt; below 1 = none. The attempt's own limit holds beside it. */
    public fun left(now: Long = System.nanoTime()): Long {
        val most =
            when (state) {
                State.BEFORE -> return 0
                State.UNDER_WAY -> idleMs
                State.OVER -> limitMs
            }
        val alive = most - TimeUnit.NANOSECONDS.toMillis(now - movedAt)
        return if (wholeMs == 0L) alive else minOf(alive, wholeMs - TimeUnit.NANOSECONDS.toMillis(now - made))
    }
}
