package dev.unruffled.http

import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Broken
import dev.unruffled.driver.Host
import dev.unruffled.driver.NoCredential
import dev.unruffled.driver.Reply
import okhttp3.Headers
import okhttp3.Request
import okhttp3.Response

/** The hosts of the verbs: OkHttp's requests go in, its responses come out, and bodies may be read whole. */
internal interface OkHttpHost : Host<Request, OkHttpReply> {
    /** Reads an open reply whole; fails beyond [most] bytes. */
    suspend fun whole(reply: OkHttpReply, most: Long): ByteArray

    override fun retained(reply: OkHttpReply, bytes: ByteArray): OkHttpReply = OkHttpReply(reply.status, reply.headers, bytes, null)
}

/** What OkHttp answered to one attempt of a verb. */
internal class OkHttpReply(
    status: Int,
    val headers: Headers,
    bytes: ByteArray?,
    val open: Response?,
    private val timeLimit: TimeoutWatch.TimeLimit? = null,
    override val redirectedTo: String? = null,
) : Reply(status, bytes) {
    override fun hints(signals: Array<String>, names: Array<String>): ByteArray? = headers.watched(signals, names)

    /** Milliseconds left of the attempt's time. */
    fun left(): Long = timeLimit?.left() ?: Long.MAX_VALUE

    /** Cancels the reading of the body. */
    fun cancel() {
        timeLimit?.cancel()
    }

    override fun close() {
        open?.close()
    }
}

/** The request of this attempt with its extra headers. */
internal fun Attempt<Request>.nativeRequest(): Request {
    val extras = extras ?: return request
    val more = request.newBuilder()
    if (extras.keyHeader != null) {
        if (request.header(extras.keyHeader) == null) more.header(extras.keyHeader, extras.key)
        more.tag(Keyed::class.java, Keyed)
    }
    try {
        extras.token?.let { more.header("Authorization", "Bearer $it") }
    } catch (unfit: IllegalArgumentException) {
        throw Broken(Fault.REFUSED, NoCredential(unfit), Cause.CREDENTIAL)
    }
    return more.build()
}
