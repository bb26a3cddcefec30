package dev.unruffled.under

import dev.unruffled.core.Route
import dev.unruffled.core.Settings
import dev.unruffled.driver.DaemonThreads
import dev.unruffled.http.InterceptorGuard
import dev.unruffled.http.NoHiddenRetry
import okhttp3.Call
import okhttp3.ConnectionPool
import okhttp3.OkHttpClient
import okhttp3.Request
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.TimeUnit
import kotlin.coroutines.CoroutineContext

/**
 * Makes the calls of attempts. A client of the user is copied with its retries off and, where the policy's own text has them,
 * the limits for connecting and for silence. Any other factory is used unchanged.
 */
internal class AttemptFactory(
    private val over: Call.Factory,
    private val settings: Settings,
    waits: CoroutineContext? = null,
) {
    private val base: OkHttpClient? =
        (over as? OkHttpClient)?.newBuilder()
            ?.retryOnConnectionFailure(false)
            // A real call is an attempt: the outer call keeps the limit of the whole call.
            ?.callTimeout(0, TimeUnit.MILLISECONDS)
            ?.apply { interceptors().add(0, InterceptorGuard) }
            ?.addNetworkInterceptor(NoHiddenRetry)
            ?.build()

    /** Whether it is a client, of which ours is made. */
    val own: Boolean get() = base != null

    private val byRoute: ConcurrentMap<Int, OkHttpClient> = ConcurrentHashMap()

    /** The limit of the user's client for a whole call; 0 = no limit. */
    val callTimeoutMs: Long = (over as? OkHttpClient)?.callTimeoutMillis?.toLong() ?: 0

    /** The threads on which enqueued calls continue after a wait, and on which calls end that were not sent. */
    val threads: DaemonThreads = DaemonThreads()

    val waits: CoroutineContext = waits ?: threads.dispatcher

    fun call(route: Int, request: Request, fresh: Boolean): Call {
        if (base == null) return over.newCall(request)
        val client = byRoute[route] ?: client(base, settings.routes[route]).also { byRoute[route] = it }
        return (if (fresh) unpooled(client) else client).newCall(request)
    }

    private fun client(base: OkHttpClient, limits: Route): OkHttpClient {
        if (!limits.connectWritten && !limits.idleWritten) return base
        return base.newBuilder().apply {
            if (limits.connectWritten) connectTimeout(limits.connect, TimeUnit.MILLISECONDS)
            if (limits.idleWritten) writeTimeout(limits.idle, TimeUnit.MILLISECONDS)
        }.build()
    }

    private fun unpooled(client: OkHttpClient): OkHttpClient =
        client.newBuilder().connectionPool(ConnectionPool(0, 1, TimeUnit.NANOSECONDS)).build()
}
