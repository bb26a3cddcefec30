package dev.unruffled.ktor

import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import dev.unruffled.driver.Broken
import dev.unruffled.http.Causes
import dev.unruffled.http.StaleConnection
import io.ktor.client.network.sockets.ConnectTimeoutException
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.http.cio.ParserException
import okhttp3.internal.http2.ConnectionShutdownException
import okhttp3.internal.http2.ErrorCode
import okhttp3.internal.http2.StreamResetException
import java.io.IOException
import java.io.InterruptedIOException
import java.net.ConnectException
import java.net.NoRouteToHostException
import java.net.UnknownHostException
import java.net.UnknownServiceException
import java.nio.channels.UnresolvedAddressException

// Translates exceptions of Ktor's engines. A plugin does not see how far an attempt got, so only what happens
// before anything is sent by its very nature is proven unsent.

/** A body that was to be read whole broke off. */
internal class Truncated(override val cause: IOException) : IOException(cause)

/** Translates [error] for the core. The caller sees the error itself in the end. */
internal fun broken(error: Exception): Broken {
    if (error is Truncated) return Broken(Fault.TRUNCATED, error.cause)
    val stale = chain(error).firstOrNull { it is StaleConnection }
    return if (stale != null) Broken(Fault.UNSENT, error, stale = true) else judged(error)
}

/** Returns the fault after a redirect that a plugin below followed: the first request was sent in any case. */
internal fun Broken.afterRedirect(): Broken =
    when (fault) {
        Fault.UNSENT -> Broken(Fault.LOST, cause)
        Fault.CONNECT_TIMEOUT -> Broken(Fault.TIMEOUT, cause)
        Fault.PERMANENT -> if (why == Cause.PROTOCOL) this else Broken(Fault.PERMANENT, cause)
        else -> this
    }

/** A redirect is mostly a hop of its own here, so that errors of connecting are of this request. */
private fun judged(error: Exception): Broken {
    val connecting =
        when {
            isPlain(error) -> Cause.NO_TLS
            isMisnamed(error) -> Cause.CERTIFICATE
            else -> Causes.ofConnecting(error)
        }
    if (Causes.isPermanent(connecting)) return Broken(Fault.PERMANENT, error, connecting)
    val fault = fault(error)
    val why =
        when {
            fault != Fault.UNSENT && fault != Fault.LOST -> Cause.NONE
            chain(error).any { it is ParserException } -> Cause.PROTOCOL
            // CIO says of no name why it was not found.
            else -> connecting
        }
    return Broken(if (why == Cause.PROTOCOL && Causes.isPermanent(error)) Fault.PERMANENT else fault, error, why)
}

/** CIO's own TLS was given a record that is not TLS. */
private fun isPlain(error: Exception): Boolean =
    chain(error).any {
        it.message?.startsWith("Unknown TLS record type") == true ||
            it.message?.startsWith("Invalid TLS record type") == true
    }

/** CIO's own TLS compares the host's name with the certificate's. */
private fun isMisnamed(error: Exception): Boolean =
    chain(error).any { it.message?.startsWith("No server host") == true }

private fun chain(error: Throwable): Sequence<Throwable> = generateSequence(error) { it.cause }.take(DEEPEST)

private fun fault(error: Exception): Fault {
    val causes = chain(error)
    return when {
        causes.any(Causes::isLocal) -> Fault.REFUSED
        causes.any { it is ConnectTimeoutException } -> Fault.CONNECT_TIMEOUT
        causes.any(::isUnsent) -> Fault.UNSENT
        causes.any { it is InterruptedIOException || it is HttpRequestTimeoutException } -> Fault.TIMEOUT
        error is UnknownServiceException -> Fault.REFUSED
        isLength(error) -> Fault.TRUNCATED
        error is IOException || error is ParserException -> Fault.LOST
        else -> Fault.REFUSED
    }
}

private fun isUnsent(error: Throwable): Boolean =
    when (error) {
        is ConnectException, is UnknownHostException, is NoRouteToHostException, is UnresolvedAddressException -> true
        is ConnectionShutdownException -> true
        is StreamResetException -> error.errorCode == ErrorCode.REFUSED_STREAM
        else -> error.javaClass.name == "io.ktor.client.engine.cio.FailToConnectException"
    }

/** Ktor has counted the bytes of a whole body. */
private fun isLength(error: Exception): Boolean =
    error is IllegalStateException && error.message?.startsWith("Content-Length mismatch") == true

private const val DEEPEST = 8
