package dev.unruffled.ktor

import dev.unruffled.driver.Attempt
import dev.unruffled.driver.UploadLimit
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.http.ContentType
import io.ktor.http.Headers
import io.ktor.http.HttpStatusCode
import io.ktor.http.content.OutgoingContent
import io.ktor.util.AttributeKey
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.ByteWriteChannel
import io.ktor.utils.io.InternalAPI
import kotlinx.io.Sink
import kotlinx.io.Source
import kotlin.coroutines.cancellation.CancellationException

/**
 * A body that is read or written piece by piece, watched under way: an error of its own source is no fault of the network,
 * and while the pieces of one of unknown size move, its attempt is alive.
 */
@OptIn(InternalAPI::class)
internal class Upload private constructor(
    private val body: OutgoingContent,
    limitMs: Long,
    idleMs: Long,
    wholeMs: Long,
) {
    private val limit = UploadLimit(limitMs, idleMs, wholeMs)

    @Volatile
    private var failed: Throwable? = null

    @Volatile
    private var source: Pieces? = null

    /** The error of the body's own source. */
    val failure: Throwable? get() = failed ?: source?.failure?.takeIf { it !is CancellationException }

    /** The body that is sent instead. */
    val content: OutgoingContent = if (body is OutgoingContent.WriteChannelContent) {
        Written(
            body,
        )
    } else {
        Read(body as OutgoingContent.ReadChannelContent)
    }

    /** Milliseconds that the upload gives its attempt beyond the attempt's own; below 1 = none. */
    fun left(): Long = if (body.contentLength == null) limit.left() else 0

    private inner class Written(private val body: OutgoingContent.WriteChannelContent) :
        OutgoingContent.WriteChannelContent() {
        override val contentLength: Long? get() = body.contentLength
        override val contentType: ContentType? get() = body.contentType
        override val status: HttpStatusCode? get() = body.status
        override val headers: Headers get() = body.headers

        override fun trailers(): Headers? = body.trailers()

        override fun <T : Any> getProperty(key: AttributeKey<T>): T? = body.getProperty(key)

        override fun <T : Any> setProperty(key: AttributeKey<T>, value: T?) = body.setProperty(key, value)

        override suspend fun writeTo(channel: ByteWriteChannel) {
            limit.begin()
            try {
                body.writeTo(Counted(channel))
            } catch (@Suppress("TooGenericExceptionCaught") error: Throwable) {
                // A connection that broke has closed the channel before.
                if (channel.closedCause == null && error !is CancellationException) failed = error
                throw error
            }
            limit.end()
        }
    }

    private inner class Counted(private val channel: ByteWriteChannel) : ByteWriteChannel by channel {
        override val writeBuffer: Sink get() {
            limit.moved()
            return channel.writeBuffer
        }
    }

    private inner class Read(private val body: OutgoingContent.ReadChannelContent) :
        OutgoingContent.ReadChannelContent() {
        override val contentLength: Long? get() = body.contentLength
        override val contentType: ContentType? get() = body.contentType
        override val status: HttpStatusCode? get() = body.status
        override val headers: Headers get() = body.headers

        override fun trailers(): Headers? = body.trailers()

        override fun <T : Any> getProperty(key: AttributeKey<T>): T? = body.getProperty(key)

        override fun <T : Any> setProperty(key: AttributeKey<T>, value: T?) = body.setProperty(key, value)

        override fun readFrom(): ByteReadChannel = Pieces(body.readFrom()).also { source = it }
    }

    private inner class Pieces(private val channel: ByteReadChannel) : ByteReadChannel by channel {
        @Volatile
        private var ended = false

        @Volatile
        private var own: Throwable? = null

        /** The error of the source itself. A broken connection cancels the channel, so only an earlier close counts. */
        val failure: Throwable? get() = if (ended) own else channel.closedCause

        override val readBuffer: Source get() = channel.readBuffer

        override suspend fun awaitContent(min: Int): Boolean {
            if (!limit.hasBegun) limit.begin()
            val more = channel.awaitContent(min)
            if (more) limit.moved() else limit.end()
            return more
        }

        override fun cancel(cause: Throwable?) {
            if (!ended) own = channel.closedCause
            ended = true
            channel.cancel(cause)
        }
    }

    companion object {
        /** What watches the body of [request] in [attempt]; `null` if it has all of its bytes. */
        fun of(request: HttpRequestBuilder, attempt: Attempt<*>, idleMs: Long): Upload? {
            val body = request.body
            val pieces = body is OutgoingContent.WriteChannelContent || body is OutgoingContent.ReadChannelContent
            return if (pieces) Upload(body as OutgoingContent, attempt.timeoutMs, idleMs, attempt.wholeMs) else null
        }
    }
}
