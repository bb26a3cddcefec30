package dev.unruffled.http

import dev.unruffled.core.Settings
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.DaemonThreads
import dev.unruffled.driver.TooLarge
import kotlinx.coroutines.CoroutineDispatcher
import okhttp3.Call
import okhttp3.ConnectionPool
import okhttp3.Dispatcher
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okio.Buffer
import java.io.IOException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.ExecutorService
import java.util.concurrent.TimeUnit

/**
 * OkHttp as the core wants it: one request per attempt and no retry of its own, time limits from the policy, no queue in
 * front of it, credentials never to another origin, daemon threads only. Shares the connection pool, proxies, TLS and
 * interceptors of the client it was made from.
 */
internal class Transport(from: OkHttpClient?, private val settings: Settings) {
    private val threads = DaemonThreads()

    /** Runs attempts that suspend, and reads bodies for them. */
    val executor: ExecutorService get() = threads.executor

    /** The dispatcher over [executor], for refreshes. */
    val dispatcher: CoroutineDispatcher get() = threads.dispatcher

    /** The client as it was handed in. */
    val given: OkHttpClient = from ?: OkHttpClient()

    private val base: OkHttpClient =
        given.newBuilder()
            .retryOnConnectionFailure(false)
            .followSslRedirects(false)
            .apply { interceptors().add(0, InterceptorGuard) }
            .addNetworkInterceptor(SameOrigin)
            .dispatcher(
                Dispatcher(executor).apply {
                    maxRequests = Int.MAX_VALUE
                    maxRequestsPerHost = Int.MAX_VALUE
                },
            )
            .readTimeout(0, TimeUnit.MILLISECONDS)
            .callTimeout(0, TimeUnit.MILLISECONDS)
            .build()

    private val clients: ConcurrentMap<Pair<Long, Long>, OkHttpClient> = ConcurrentHashMap()
    private val byRoute = arrayOfNulls<OkHttpClient>(settings.routes.size)

    /** A call for one attempt. Its time is [TimeoutWatch]'s. */
    fun call(attempt: Attempt<Request>, progress: Progress): Call {
        val client = if (attempt.fresh) unpooled(attempt.route) else client(attempt.route)
        val request = attempt.nativeRequest()
        progress.upload = Upload.of(request.body, attempt, settings.routes[attempt.route].idle)
        val call = client.newCall(progress.upload?.let { request.newBuilder().method(request.method, it).build() } ?: request)
        call.addEventListener(progress)
        return call
    }

    /** The reply of a response whose headers have come, read whole if it is to be buffered. */
    fun reply(attempt: Attempt<Request>, response: Response, timeLimit: TimeoutWatch.TimeLimit): OkHttpReply {
        val limits = settings.routes[attempt.route]
        if (!attempt.streamed && response.code < FIRST_ERROR) {
            return response.use {
                OkHttpReply(it.code, it.headers, readWhole(it, limits.maxBody), null, redirectedTo = it.redirectedTo())
            }
        }
        response.body.source().timeout().timeout(limits.idle, TimeUnit.MILLISECONDS)
        return OkHttpReply(response.code, response.headers, null, response, timeLimit, response.redirectedTo())
    }

    /** The whole body; more than [most] bytes are [TooLarge]. */
    fun readWhole(response: Response, most: Long): ByteArray {
        val source = response.body.source()
        // The length that goes with a HEAD is not of this body.
        val declared = if (response.request.method == "HEAD") 0 else response.body.contentLength()
        if (declared > most || source.request(most + 1)) throw TooLarge(most)
        return source.readByteArray()
    }

    /** Reads the whole body of an open reply within what is left of the attempt's time. */
    fun readWhole(reply: OkHttpReply, most: Long): ByteArray {
        val response = checkNotNull(reply.open)
        return within(response, reply.left()) { readWhole(response, most) }
    }

    /**
     * Reads the first [most] bytes, as far as they come within [withinMs]. The response stays open, the bytes in its
     * buffer.
     */
    fun readSome(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray {
        val response = checkNotNull(reply.open)
        val source = response.body.source()
        try {
            within(response, minOf(withinMs, reply.left())) { source.request(most) }
        } catch (_: IOException) {
            // What arrived is retained; the status is known.
        }
        val retained = Buffer()
        source.buffer.copyTo(retained, 0, minOf(most, source.buffer.size))
        return retained.readByteArray()
    }

    private inline fun <T> within(response: Response, ms: Long, read: () -> T): T {
        val timeout = response.body.source().timeout()
        if (ms < Long.MAX_VALUE) timeout.deadline(ms.coerceAtLeast(1), TimeUnit.MILLISECONDS)
        try {
            return read()
        } finally {
            timeout.clearDeadline()
        }
    }

    private fun client(route: Int): OkHttpClient =
        byRoute[route] ?: settings.routes[route].let { limits ->
            val key = Pair(limits.connect, limits.idle)
            val made =
                clients[key] ?: base.newBuilder()
                    .connectTimeout(limits.connect, TimeUnit.MILLISECONDS)
                    .writeTimeout(limits.idle, TimeUnit.MILLISECONDS)
                    .build()
            (clients.putIfAbsent(key, made) ?: made).also { byRoute[route] = it }
        }

    private fun unpooled(route: Int): OkHttpClient =
        client(route).newBuilder().connectionPool(ConnectionPool(0, 1, TimeUnit.NANOSECONDS)).build()

    private companion object {
        const val FIRST_ERROR = 400
    }
}

/** Strips requests that follow a redirect to another origin of headers that could be credentials. Applies [NoHiddenRetry] as well. */
private object SameOrigin : Interceptor {
    private val harmless =
        setOf("accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "host", "user-agent")

    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val first = chain.call().request().url
        val same = request.url.host == first.host && request.url.port == first.port
        IdleConnections.check(chain.connection(), request)
        val response = chain.proceed(if (same) request else stripped(request))
        return NoHiddenRetry.withoutHiddenRetry(response, chain.connection())
    }

    private fun stripped(request: Request): Request =
        request.newBuilder().apply {
            request.headers.names().filter { it.lowercase() !in harmless }.forEach(::removeHeader)
        }.build()
}
