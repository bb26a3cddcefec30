package dev.unruffled.under

import dev.unruffled.core.Route
import dev.unruffled.core.Settings
import dev.unruffled.driver.DaemonThreads
import dev.unruffled.http.Guard
import dev.unruffled.http.Steady
import okhttp3.Call
import okhttp3.ConnectionPool
import okhttp3.OkHttpClient
import okhttp3.Request
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.TimeUnit
import kotlin.coroutines.CoroutineContext

/**
 * What a call factory sends through: the user's client with its retries off and, where the policy's own text has them, its
 * limits for connecting and for silence; or somebody else's factory, which is left alone.
 */
internal class Line(
    private val over: Call.Factory,
    private val settings: Settings,
    waits: CoroutineContext? = null,
) {
    private val base: OkHttpClient? =
        (over as? OkHttpClient)?.newBuilder()
            ?.retryOnConnectionFailure(false)
            // A real call is an attempt: the limit of the whole call is the outer call's to keep.
            ?.callTimeout(0, TimeUnit.MILLISECONDS)
            ?.apply { interceptors().add(0, Guard) }
            ?.addNetworkInterceptor(Steady)
            ?.build()

    /** Whether it is a client, of which ours is made. */
    val own: Boolean get() = base != null

    private val byRoute: ConcurrentMap<Int, OkHttpClient> = ConcurrentHashMap()

    /** What the user's client says of a whole call; 0 = no limit. */
    val callTimeoutMs: Long = (over as? OkHttpClient)?.callTimeoutMillis?.toLong() ?: 0

    /** Where enqueued calls go on after a wait, and end that never were in flight. */
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
