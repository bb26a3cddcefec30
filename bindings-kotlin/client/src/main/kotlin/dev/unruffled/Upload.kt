package dev.unruffled

import okhttp3.MediaType
import okhttp3.RequestBody
import okio.Buffer
import okio.BufferedSink
import okio.ForwardingSink
import okio.buffer
import java.util.concurrent.TimeUnit

/**
 * An upload of unknown size. The core cannot allow for its length, so its pieces are watched: while one moves at least every
 * [idleMs], the attempt is alive, and the answer has the attempt's time ([limitMs]) from the last piece on. The call's own time
 * ([wholeMs]) bounds both.
 */
internal class Upload private constructor(
    private val body: RequestBody,
    private val limitMs: Long,
    private val idleMs: Long,
    private val wholeMs: Long,
) : RequestBody() {
    private val begun = System.nanoTime()

    private enum class State { BEFORE, UNDER_WAY, OVER }

    @Volatile
    private var state = State.BEFORE

    @Volatile
    private var passed = 0L

    @Volatile
    private var sink: BufferedSink? = null

    /** What [left] saw last, and when that moved. */
    @Volatile
    private var seen = -1L

    @Volatile
    private var movedAt = 0L

    /** Milliseconds that this upload gives its attempt; the attempt's own limit holds beside it. */
    fun left(now: Long): Long {
        val state = state
        if (state == State.BEFORE) return 0
        // Read without a lock: a size that is a moment old is as good.
        val moved = passed + (sink?.buffer?.size ?: 0)
        if (moved != seen) {
            seen = moved
            movedAt = now
        }
        val since = TimeUnit.NANOSECONDS.toMillis(now - movedAt)
        val alive = (if (state == State.OVER) limitMs else idleMs) - since
        return if (wholeMs == 0L) alive else minOf(alive, wholeMs - TimeUnit.NANOSECONDS.toMillis(now - begun))
    }

    override fun contentType(): MediaType? = body.contentType()

    override fun contentLength(): Long = body.contentLength()

    override fun isOneShot(): Boolean = body.isOneShot()

    override fun writeTo(sink: BufferedSink) {
        passed = 0
        seen = -1
        val counted =
            object : ForwardingSink(sink) {
                override fun write(source: Buffer, byteCount: Long) {
                    super.write(source, byteCount)
                    passed += byteCount
                }
            }.buffer()
        this.sink = counted
        movedAt = System.nanoTime()
        state = State.UNDER_WAY
        body.writeTo(counted)
        counted.emit()
        movedAt = System.nanoTime()
        state = State.OVER
    }

    internal companion object {
        /** What watches [body] during this attempt and those after it; `null` if it need not be watched or cannot be. */
        fun of(body: RequestBody?, attempt: Attempt<*>, idleMs: Long): Upload? {
            if (body == null || attempt.timeoutMs == 0L || body.isDuplex() || body.contentLength() >= 0) return null
            return Upload(body, attempt.timeoutMs, idleMs, attempt.wholeMs)
        }
    }
}
