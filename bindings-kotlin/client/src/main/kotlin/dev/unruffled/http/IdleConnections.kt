package dev.unruffled.http

import dev.unruffled.InternalUnruffledApi
import okhttp3.Connection
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.internal.OkHttpInternalApi
import okhttp3.internal.connection.RealConnection
import java.io.IOException
import java.net.Socket
import java.net.SocketTimeoutException
import java.util.concurrent.TimeUnit

/**
 * Finds a pooled connection that the server has closed before a request is written to it, which is therefore unsent. OkHttp
 * itself looks only at connections that were idle for ten seconds, and not before a GET.
 */
internal object IdleConnections {
    /**
     * A look at a healthy connection takes [LOOK_MS], the shortest read that a socket allows. After at least this much
     * idleness that is at most 1 % of the connection's time; a busy connection is not looked at.
     */
    private val LEAST_NS = TimeUnit.MILLISECONDS.toNanos(100)
    private const val LOOK_MS = 1

    /** @throws StaleConnection if the server has closed [connection]. Its socket is closed then, so the pool drops it. */
    fun check(connection: Connection?, request: Request) {
        if (connection == null || !request.isSentOnce() || !isStale(connection)) return
        connection.socket().closeQuietly()
        throw StaleConnection()
    }

    /** Whether the server has closed [connection], or said something unasked, which ends its use as well (RFC 9112, 9.3). */
    fun isStale(connection: Connection): Boolean {
        val idleAt = idleAt(connection)
        if (idleAt == NEVER || System.nanoTime() - idleAt < LEAST_NS) return false
        val protocol = connection.protocol()
        // HTTP/2 has a reader of its own, which has seen the end.
        if (protocol == Protocol.HTTP_2 || protocol == Protocol.H2_PRIOR_KNOWLEDGE) return false
        return connection.socket().isAtEnd()
    }

    private fun Socket.isAtEnd(): Boolean =
        try {
            val before = soTimeout
            soTimeout = LOOK_MS
            try {
                getInputStream().read()
                true
            } finally {
                soTimeout = before
            }
        } catch (_: SocketTimeoutException) {
            false
        } catch (_: IOException) {
            true
        }

    /** When the connection was last given back; [NEVER] = it has not been used before. */
    @OptIn(OkHttpInternalApi::class)
    private fun idleAt(connection: Connection): Long =
        try {
            (connection as? RealConnection)?.idleAtNs ?: NEVER
        } catch (_: LinkageError) {
            // Another OkHttp has another field.
            NEVER
        }

    private const val NEVER = Long.MAX_VALUE
}

/** Nothing was written: the connection of the pool turned out to be closed. */
@InternalUnruffledApi
public class StaleConnection internal constructor() : IOException("the server had closed this idle connection") {
    /** Leaves the trace out: it is of this library alone. */
    override fun fillInStackTrace(): Throwable = this
}

internal fun Socket.closeQuietly() {
    try {
        close()
    } catch (_: IOException) {
        // The connection was broken already.
    }
}
