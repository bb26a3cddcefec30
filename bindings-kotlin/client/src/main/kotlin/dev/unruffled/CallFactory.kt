package dev.unruffled

import dev.unruffled.core.Route
import dev.unruffled.core.Settings
import dev.unruffled.driver.DaemonThreads
import dev.unruffled.http.Guard
import dev.unruffled.http.Steady
import dev.unruffled.under.Account
import dev.unruffled.under.DropIn
import dev.unruffled.under.RetryingCall
import okhttp3.Call
import okhttp3.ConnectionPool
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import java.io.Closeable
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.TimeUnit
import kotlin.coroutines.CoroutineContext

/**
 * A drop-in for `OkHttpClient` wherever a [Call.Factory] is taken: Retrofit, Apollo, generated clients. Each of its calls
 * makes one real call per attempt, so that time limits of attempts are real, a wait holds no slot of the dispatcher, and
 * [Call.cancel] ends it at once.
 *
 * It keeps OkHttp's contract: an answer of any status is returned, the last native [java.io.IOException] is thrown again,
 * and where nothing was sent a [CallException], or for time limits a [java.net.SocketTimeoutException] with it as its cause.
 * It adds no header but the policy's idempotency key. For OkHttp 5.4 and newer.
 */
public class ResilientCallFactory internal constructor(
    private val dropIn: DropIn,
    private val line: Line,
) : Call.Factory,
    Closeable {
    /** A call that has not begun. It may be [Call.clone]d, and is executed once. */
    override fun newCall(request: Request): Call = RetryingCall(dropIn, line, request)

    /** Each attempt and each wait of the call that ended with [response], as a short table; empty if it is not known here. */
    public fun explain(response: Response): String = response.account()

    /** The same for a call that failed. */
    public fun explain(error: Throwable): String = Account.of(error)

    /** Tells [listener] what happens, in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = dropIn.engine.events.add(listener)

    /** Breaker, budget, limits and lines at this moment: plain values as the core names them. */
    public fun snapshot(): Map<String, Any?> = dropIn.engine.snapshot()

    /** Ends all waits. Calls in flight may still be answered; new ones fail. The client below stays open. */
    override fun close() {
        dropIn.engine.close()
    }
}

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

/** How the call went whose last attempt this answered. */
internal fun Response.account(): String = request.tag(Account::class.java)?.explain().orEmpty()
