package dev.unruffled.http

import dev.unruffled.core.MethodCode
import dev.unruffled.driver.WatchedHeaders
import okhttp3.Headers
import okhttp3.Request
import okhttp3.Response
import okio.Timeout
import java.util.concurrent.TimeUnit

/** Scheme, host and port as the core names them. */
internal fun Request.origin(): String {
    val url = url
    val host = if (':' in url.host) "[${url.host}]" else url.host
    val usual = if (url.isHttps) HTTPS else HTTP
    return if (url.port == usual) "${url.scheme}://$host" else "${url.scheme}://$host:${url.port}"
}

/** The origin that answered after a redirect that OkHttp followed; `null` where the answer is to the first request. */
internal fun Response.redirectedTo(): String? {
    if (priorResponse == null) return null
    // A challenge that was answered leaves a prior response as well.
    return if (generateSequence(priorResponse) { it.priorResponse }.any { it.isRedirect }) request.origin() else null
}

/** Milliseconds left of a caller's time limit; 0 = no limit. */
internal fun Timeout.withinMs(): Long {
    val span = timeoutNanos().takeIf { it > 0 } ?: Long.MAX_VALUE
    val until = if (hasDeadline()) deadlineNanoTime() - System.nanoTime() else Long.MAX_VALUE
    val least = minOf(span, until)
    return if (least == Long.MAX_VALUE) 0 else TimeUnit.NANOSECONDS.toMillis(least).coerceAtLeast(1)
}

/** Whether this request's body, if any, can be sent once more. */
internal fun Request.isRepeatable(): Boolean = body.let { it == null || !(it.isOneShot() || it.isDuplex()) }

private const val HTTP = 80
private const val HTTPS = 443

/** These headers as the core wants to see them, see [WatchedHeaders]. */
internal fun Headers.watched(signals: Array<String>, names: Array<String>): ByteArray? =
    WatchedHeaders.of(signals, names, { get(it) }) { line ->
        for (at in 0 until size) line(name(at), value(at))
    }

/** Stands in requests whose idempotency key allows that they are sent again. */
internal object Keyed

/** Whether this may be sent only once, by its method or its body. What may be sent again is so after any failure. */
internal fun Request.isSentOnce(): Boolean = (isUnsafe() && tag(Keyed::class.java) == null) || !isRepeatable()

/** `QUERY` is the last of the methods that may be sent again. */
private fun Request.isUnsafe(): Boolean = MethodCode.of(method) > MethodCode.QUERY
