package dev.unruffled.ktor

import dev.unruffled.driver.Reply
import dev.unruffled.driver.WatchedHeaders
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.replaceResponse
import io.ktor.client.call.save
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.HttpResponse
import io.ktor.http.HttpHeaders
import io.ktor.http.isSuccess
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.InternalAPI
import io.ktor.utils.io.cancel
import io.ktor.utils.io.readAvailable
import io.ktor.utils.io.readRemaining
import kotlinx.coroutines.CompletableJob
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.job
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.io.readByteArray
import kotlin.coroutines.CoroutineContext

/**
 * Ktor's answer to one attempt, [whole] in memory or open. What is read of it is in it again when it is handed over, which
 * stays a call of Ktor's own: an open one is put together again, a whole one saved once more, since a plugin below may have
 * made its body one that is read once.
 */
@OptIn(InternalAPI::class)
internal class Received(
    private var call: HttpClientCall,
    private val own: HttpRequestBuilder,
    bytes: ByteArray? = null,
    private val whole: Boolean = false,
) : Reply(call.response.status.value, bytes) {
    /** Ktor's own redirects are calls of their own; a plugin below follows them within an attempt. */
    override val redirectedTo: String?
        get() =
            if (status in REDIRECTS || own.attributes.getOrNull(RECORD)?.followed != true) {
                null
            } else {
                call.request.url.run { origin(protocol, host, port) }
            }
    private var start = NOTHING
    private var closed = false

    override fun hints(signals: Array<String>, names: Array<String>): ByteArray? {
        val headers = call.response.headers
        return WatchedHeaders.of(signals, names, { headers[it] }) { line ->
            headers.forEach { name, values -> values.forEach { line(name, it) } }
        }
    }

    /** Reads the first [most] bytes, as far as they come within [withinMs] on the clock of [context]. */
    suspend fun start(most: Long, withinMs: Long, context: CoroutineContext): ByteArray {
        val piece = ByteArray(PIECE)
        try {
            if (whole) {
                call = call.save()
                return call.start(most)
            }
            val body = call.response.rawContent
            withContext(context) {
                withTimeoutOrNull(withinMs) {
                    while (start.size < most) {
                        val size = body.readAvailable(piece, 0, minOf(PIECE.toLong(), most - start.size).toInt())
                        if (size < 0) break
                        start += piece.copyOf(size)
                    }
                }
            }
        } catch (@Suppress("TooGenericExceptionCaught") _: Exception) {
            // What arrived is retained; the status is known.
            currentCoroutineContext().ensureActive()
        }
        return start
    }

    /** Returns this answer after its connection was released: [bytes] are its body. */
    fun retained(bytes: ByteArray): Received {
        if (!whole) start = bytes
        return this
    }

    /** Releases the connection, as Ktor does after its caller has read a part of the body. */
    override fun close() {
        if (closed) return
        closed = true
        (call.coroutineContext.job as CompletableJob).complete()
        if (!whole) call.response.rawContent.cancel()
        (own.executionContext as CompletableJob).complete()
    }

    /** Returns the call for the caller. */
    fun deliver(): HttpClientCall =
        when {
            whole -> call
            closed -> start.let { retained -> call.replaceResponse { ByteReadChannel(retained) } }
            start.isEmpty() -> call
            else -> call.pumped(start)
        }

    private companion object {
        const val PIECE = 8_192
        val REDIRECTS = 300..399
        val NOTHING = ByteArray(0)
    }
}

/** Reads the beginning of a body in memory. */
@OptIn(InternalAPI::class)
internal suspend fun HttpClientCall.start(
    most: Long,
): ByteArray = response.rawContent.readRemaining(most).readByteArray()

/** Returns whether this is a success of at most [most] declared bytes that is not of the type [streamType]. */
internal fun HttpResponse.isShort(most: Long, streamType: String): Boolean {
    if (!status.isSuccess()) return false
    val length = headers[HttpHeaders.ContentLength]?.toLongOrNull() ?: return false
    val streamed = headers[HttpHeaders.ContentType]?.trimStart()?.startsWith(streamType, ignoreCase = true) == true
    return length in 0..most && !streamed
}
