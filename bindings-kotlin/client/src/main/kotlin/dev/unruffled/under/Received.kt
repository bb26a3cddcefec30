package dev.unruffled.under

import dev.unruffled.driver.CallRecord
import dev.unruffled.driver.Reply
import dev.unruffled.http.redirectedTo
import dev.unruffled.http.watched
import okhttp3.MediaType
import okhttp3.Response
import okhttp3.ResponseBody
import okhttp3.ResponseBody.Companion.toResponseBody
import okio.Buffer
import okio.BufferedSource
import okio.ForwardingSource
import okio.buffer
import java.io.EOFException
import java.io.IOException
import java.util.concurrent.TimeUnit

/** OkHttp's answer to one attempt of a drop-in: its own response or, once that is closed, its head and [bytes]. */
internal class Received(
    val response: Response,
    bytes: ByteArray? = null,
    /** [bytes] are the whole body. */
    private var complete: Boolean = false,
) : Reply(response.code, bytes) {
    /** Its body is in the response's own buffer. */
    private var buffered = false

    override val isWhole: Boolean get() = buffered || bytes != null

    override val redirectedTo: String? get() = response.redirectedTo()

    override fun hints(signals: Array<String>, names: Array<String>): ByteArray? =
        response.headers.watched(signals, names)

    override fun close() {
        response.close()
    }

    /** Reads a body of at most [upTo] bytes into its own buffer, where the caller finds it; none of the type [streamType]. */
    fun buffer(upTo: Long, streamType: String) {
        val body = response.body
        if (status >= Reply.FIRST_ERROR || response.request.method == "HEAD") return
        if (response.header("Content-Type")?.startsWith(streamType, ignoreCase = true) == true) return
        val declared = declared(body)
        // What unpacks to more stays a stream that has begun to arrive.
        if (declared in 0..upTo) buffered = !body.source().request(upTo + 1)
    }

    /** Returns the declared length. A packed body has the length that came over the wire. */
    private fun declared(body: ResponseBody): Long {
        val length = body.contentLength()
        if (length >= 0) return length
        return response.networkResponse?.header("Content-Length")?.toLongOrNull() ?: -1
    }

    /**
     * Reads the first [most] bytes, as far as they come within [withinMs]. The response stays open, the bytes in its
     * buffer.
     */
    fun start(most: Long, withinMs: Long): ByteArray {
        bytes?.let { return it }
        val source = response.body.source()
        val timeout = source.timeout()
        timeout.deadline(withinMs.coerceAtLeast(1), TimeUnit.MILLISECONDS)
        try {
            complete = !source.request(most + 1)
        } catch (_: IOException) {
            // What arrived is retained; the status is known.
        } finally {
            timeout.clearDeadline()
        }
        val retained = Buffer()
        source.buffer.copyTo(retained, 0, minOf(most, source.buffer.size))
        return retained.readByteArray()
    }

    /** Returns the answer after its connection was released: the head, and these [bytes] in place of the body. */
    fun retained(bytes: ByteArray): Received = Received(response, bytes, complete)

    /** Returns the response for the caller; [prior] is the answer of the attempt before it. */
    fun deliver(prior: Response?): Response {
        val retained = bytes
        val chained = prior != null && response.priorResponse == null
        if (retained == null && !chained) return response
        val changed = response.newBuilder()
        if (retained != null) changed.body(if (complete) retained.toResponseBody(response.body.contentType()) else TruncatedBody(response.body, retained))
        if (chained) changed.priorResponse(prior)
        return changed.build()
    }

    internal companion object {
        /** The body of an answer that was closed. */
        val EMPTY = ByteArray(0).toResponseBody()
    }
}

/** The beginning of a body whose connection was given back. Says so at its end, which is not the end of the body. */
private class TruncatedBody(private val whole: ResponseBody, private val bytes: ByteArray) : ResponseBody() {
    private val rest =
        object : ForwardingSource(Buffer().write(bytes)) {
            override fun read(sink: Buffer, byteCount: Long): Long =
                super.read(sink, byteCount).also {
                    if (it < 0) throw EOFException("unruffled kept the first ${bytes.size} bytes of this answer")
                }
        }.buffer()

    override fun contentLength(): Long = whole.contentLength()

    override fun contentType(): MediaType? = whole.contentType()

    override fun source(): BufferedSource = rest
}

/** Returns the table of the call whose last attempt this answered. */
internal fun Response.table(): String = request.tag(CallRecord::class.java)?.explain().orEmpty()
