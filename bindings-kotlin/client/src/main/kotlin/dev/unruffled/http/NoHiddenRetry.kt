package dev.unruffled.http

import dev.unruffled.InternalUnruffledApi
import okhttp3.Connection
import okhttp3.Interceptor
import okhttp3.Protocol
import okhttp3.Response
import okhttp3.ResponseBody.Companion.asResponseBody
import okio.Buffer
import okio.ForwardingSource
import okio.buffer

/** Prevents retries that OkHttp makes although they are switched off: a second request, and one on a closed connection. */
@InternalUnruffledApi
public object NoHiddenRetry : Interceptor {
    private const val UNAVAILABLE = 503

    override fun intercept(chain: Interceptor.Chain): Response {
        IdleConnections.check(chain.connection(), chain.request())
        return withoutHiddenRetry(chain.proceed(chain.request()), chain.connection())
    }

    internal fun withoutHiddenRetry(response: Response, connection: Connection?): Response =
        unprovoked(if (response.protocol == Protocol.HTTP_1_0) once(response, connection) else response)

    /**
     * An HTTP/1.0 server closes its connection after each answer unless it says otherwise (RFC 9112, 9.3). OkHttp would
     * keep it for the next request, which then fails.
     */
    private fun once(response: Response, connection: Connection?): Response {
        val retained = response.header("Connection").equals("keep-alive", ignoreCase = true)
        if (retained || connection == null) return response
        val body = response.body
        val source =
            object : ForwardingSource(body.source()) {
                override fun read(sink: Buffer, byteCount: Long): Long =
                    super.read(sink, byteCount).also { if (it < 0) connection.socket().closeQuietly() }

                override fun close() {
                    super.close()
                    connection.socket().closeQuietly()
                }
            }
        return response.newBuilder().body(source.buffer().asResponseBody(body.contentType(), body.contentLength())).build()
    }

    /** `Retry-After: 0` with a 503 makes OkHttp send again by itself; the same said otherwise does not. */
    private fun unprovoked(response: Response): Response =
        if (response.code == UNAVAILABLE && response.header("Retry-After")?.trim()?.toIntOrNull() == 0) {
            response.newBuilder().header("Retry-After", "0.0").build()
        } else {
            response
        }
}
