package dev.unruffled.http

import dev.unruffled.driver.Attempt
import dev.unruffled.driver.UploadLimit
import okhttp3.MediaType
import okhttp3.RequestBody
import okio.Buffer
import okio.BufferedSink
import okio.ForwardingSink
import okio.buffer

/** An upload of unknown size. The core cannot allow for its length, so its pieces are watched, see [UploadLimit]. */
internal class Upload private constructor(
    private val body: RequestBody,
    limitMs: Long,
    idleMs: Long,
    wholeMs: Long,
) : RequestBody() {
    private val limit = UploadLimit(limitMs, idleMs, wholeMs)

    @Volatile
    private var passed = 0L

    @Volatile
    private var sink: BufferedSink? = null

    /** What [left] saw last. */
    @Volatile
    private var seen = -1L

    /** Milliseconds that this upload gives its attempt; the attempt's own limit holds beside it. */
    fun left(now: Long): Long {
        // Read without a lock: a size that is a moment old is as good.
        val moved = passed + (sink?.buffer?.size ?: 0)
        if (moved != seen) {
            seen = moved
            limit.moved(now)
        }
        return limit.left(now)
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
        limit.begin()
        body.writeTo(counted)
        counted.emit()
        limit.end()
    }

    internal companion object {
        /** What watches [body] during this attempt and those after it; `null` if it need not be watched or cannot be. */
        fun of(body: RequestBody?, attempt: Attempt<*>, idleMs: Long): Upload? {
            if (body == null || attempt.timeoutMs == 0L || body.isDuplex() || body.contentLength() >= 0) return null
            return Upload(body, attempt.timeoutMs, idleMs, attempt.wholeMs)
        }
    }
}
