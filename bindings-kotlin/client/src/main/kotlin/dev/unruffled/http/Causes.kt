package dev.unruffled.http

import dev.unruffled.InternalUnruffledApi
import dev.unruffled.core.Cause
import java.io.EOFException
import java.io.IOException
import java.net.BindException
import java.net.NoRouteToHostException
import java.net.ProtocolException
import java.net.SocketException
import java.net.UnknownHostException
import java.security.GeneralSecurityException
import java.security.cert.CertPathBuilderException
import java.security.cert.CertPathValidatorException
import java.security.cert.CertificateException
import javax.net.ssl.SSLException
import javax.net.ssl.SSLPeerUnverifiedException

/**
 * The causes that the platform's errors name beside the fault, under any client of the JVM. Where there is no class for a
 * cause, the text counts, which the JVM, Android and OkHttp do not translate.
 */
@InternalUnruffledApi
public object Causes {
    /** Why no connection came about, or `NONE`. */
    public fun ofConnecting(error: Throwable): Cause {
        val errors = all(error)
        return when {
            errors.any(::isCertificate) -> Cause.CERTIFICATE
            errors.any { it is SSLException && it.says(NO_TLS) } -> Cause.NO_TLS
            errors.any { it is UnknownHostException } -> ofName(errors)
            errors.any { it is SocketException && it.says(REFUSED) } -> Cause.CONNECTION_REFUSED
            errors.any(::isUnreachable) -> Cause.UNREACHABLE
            else -> ofConnection(error)
        }
    }

    /** Why a connection ended, or `NONE`. */
    public fun ofConnection(error: Throwable): Cause {
        val errors = all(error)
        return when {
            errors.any { it is ProtocolException && !it.isCut() } -> Cause.PROTOCOL
            errors.any { it is EOFException || (it is IOException && it.says(ENDED)) } -> Cause.RESET
            else -> Cause.NONE
        }
    }

    /** Whether an answer breaks the protocol in a way that comes again, and is not one that was garbled on its way. */
    public fun isPermanent(error: Throwable): Boolean =
        all(error).any { it is ProtocolException && !it.isCut() && !it.says(GARBLED) }

    /** Whether connecting fails each time in the same way. */
    public fun isPermanent(cause: Cause): Boolean = cause == Cause.CERTIFICATE || cause == Cause.NO_TLS

    /**
     * Whether this machine is what failed: no descriptor or port is left, or the proxy wants other credentials. All
     * addresses must have failed like that: one without IPv6 refuses the first of two in the same way.
     */
    public fun isLocal(error: Throwable): Boolean = isOwn(error) && error.suppressed.all(::isOwn)

    private fun isOwn(error: Throwable): Boolean =
        error is BindException ||
            (error is IOException && OWN.any { error.message?.startsWith(it) == true })

    /** The error, what caused it, and those of the other addresses of the host. */
    private fun all(error: Throwable): List<Throwable> =
        generateSequence(error) { it.cause }.take(DEEPEST).flatMap { listOf(it) + it.suppressed }.toList()

    private fun isCertificate(error: Throwable): Boolean =
        error is CertificateException || error is CertPathValidatorException || error is CertPathBuilderException ||
            error is SSLPeerUnverifiedException ||
            (error is GeneralSecurityException && error.says(TRUST))

    private fun isUnreachable(error: Throwable): Boolean =
        error is NoRouteToHostException || (error is SocketException && error.says(UNREACHABLE))

    /** A name service that is down for the moment says so in its first error only: the JVM repeats it for ten seconds. */
    private fun ofName(errors: List<Throwable>): Cause {
        val now = System.nanoTime()
        if (errors.any { it.says(TEMPORARY) }) {
            temporaryAt = now
            return Cause.NONE
        }
        val retained = errors.any { it is UnknownHostException && it.message.orEmpty().none { c -> c == ' ' } }
        val at = temporaryAt
        return if (retained && at != NEVER && now - at < KEPT_NS) Cause.NONE else Cause.NO_SUCH_NAME
    }

    private fun Throwable.says(texts: Array<String>): Boolean = message?.let { said -> texts.any { it in said } } ?: false

    private fun Throwable.isCut(): Boolean = says(CUT)

    @Volatile
    private var temporaryAt = NEVER

    private const val NEVER = Long.MIN_VALUE
    private const val KEPT_NS = 10_000_000_000L
    private const val DEEPEST = 8
    private val NO_TLS =
        arrayOf("Unsupported or unrecognized SSL message", "Unrecognized SSL message", "WRONG_VERSION_NUMBER", "wrong version number", "not an SSL")
    private val REFUSED = arrayOf("Connection refused", "ECONNREFUSED")
    private val UNREACHABLE = arrayOf("unreachable", "No route to host", "ENETUNREACH", "EHOSTUNREACH")
    private val ENDED = arrayOf("Connection reset", "Broken pipe", "ECONNRESET", "EPIPE", "unexpected end of stream", "terminated the handshake")
    private val OWN = arrayOf("Too many open files", "Failed to authenticate with proxy")
    private val TEMPORARY = arrayOf("Temporary failure", "EAI_AGAIN", "try again", "Try again")
    private val TRUST = arrayOf("trustAnchors")
    private val CUT = arrayOf("unexpected end of stream")

    /** A first line, or the length of a piece, that cannot be read at all. */
    private val GARBLED = arrayOf("Unexpected status line", "expected chunk size")
}
