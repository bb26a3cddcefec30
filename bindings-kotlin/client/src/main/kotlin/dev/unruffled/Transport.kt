package dev.unruffled

import okhttp3.Call
import okhttp3.ConnectionPool
import okhttp3.Dispatcher
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import okio.AsyncTimeout
import okio.Buffer
import java.io.IOException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ExecutorService
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger

/**
 * OkHttp as the core wants it: one request per attempt and no retry of its own, time limits from the policy, no queue in
 * front of it, credentials never to another origin, daemon threads only. Shares the connection pool, proxies, TLS and
 * interceptors of the client it was made from.
 */
internal class Transport(from: OkHttpClient?, private val settings: Settings) {
    /** Runs attempts that suspend, and reads bodies for them. */
    val executor: ExecutorService = threads()

    private val base: OkHttpClient =
        (from ?: OkHttpClient()).newBuilder()
            .retryOnConnectionFailure(false)
            .followSslRedirects(false)
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

    private val clients = ConcurrentHashMap<Pair<Long, Long>, OkHttpClient>()
    private val byRoute = arrayOfNulls<OkHttpClient>(settings.routes.size)

    /** A call for one attempt, with its time limit set unless the limit ends at the headers. */
    fun call(attempt: Attempt, progress: Progress): Call {
        val client = if (attempt.fresh) unpooled(attempt.route) else client(attempt.route)
        val call = client.newCall(attempt.request)
        call.addEventListener(progress)
        if (attempt.timeoutMs > 0 && !attempt.streamed) call.timeout().timeout(attempt.timeoutMs, TimeUnit.MILLISECONDS)
        return call
    }

    /** The reply of a response whose headers have come, read whole if it is to be buffered. */
    fun reply(attempt: Attempt, response: Response): Reply {
        if (attempt.streamed) {
            response.body.source().timeout().timeout(settings.routes[attempt.route].idle, TimeUnit.MILLISECONDS)
        }
        if (attempt.streamed || response.code >= FIRST_ERROR) return Reply(response.code, response.headers, null, response)
        return response.use {
            Reply(it.code, it.headers, readWhole(it, settings.routes[attempt.route].maxBody), null)
        }
    }

    /** The whole body; more than [most] bytes are [TooLarge]. */
    fun readWhole(response: Response, most: Long): ByteArray {
        val source = response.body.source()
        if (response.body.contentLength() > most || source.request(most + 1)) throw TooLarge(most)
        return source.readByteArray()
    }

    /** The first [most] bytes, as far as they come within [withinMs]. The response stays open, the bytes in its buffer. */
    fun readSome(response: Response, most: Long, withinMs: Long): ByteArray {
        val source = response.body.source()
        val timeout = source.timeout()
        try {
            timeout.deadline(withinMs.coerceAtLeast(1), TimeUnit.MILLISECONDS)
            source.request(most)
        } catch (_: IOException) {
            // What came is kept; the answer itself is known.
        } finally {
            timeout.clearDeadline()
        }
        val kept = Buffer()
        source.buffer.copyTo(kept, 0, minOf(most, source.buffer.size))
        return kept.readByteArray()
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
        const val IDLE_SECONDS = 10L

        /** As many threads as there are attempts: the core limits those. They end by themselves and hold no process. */
        fun threads(): ExecutorService {
            val count = AtomicInteger()
            return ThreadPoolExecutor(0, Int.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, SynchronousQueue()) { work ->
                Thread(work, "unruffled ${count.incrementAndGet()}").apply { isDaemon = true }
            }
        }
    }
}

/** The time limit of an attempt whose body is lent out: it ends at the headers, which OkHttp's own limit cannot. */
internal class HeaderLimit(private val call: Call) : AsyncTimeout() {
    @Volatile
    var passed = false
        private set

    override fun timedOut() {
        passed = true
        call.cancel()
    }
}

/** A redirect to another origin takes along nothing that could be a credential. */
private object SameOrigin : Interceptor {
    private val harmless =
        setOf("accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "host", "user-agent")

    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val first = chain.call().request().url
        if (request.url.host == first.host && request.url.port == first.port) return chain.proceed(request)
        return chain.proceed(stripped(request))
    }

    private fun stripped(request: Request): Request =
        request.newBuilder().apply {
            request.headers.names().filter { it.lowercase() !in harmless }.forEach(::removeHeader)
        }.build()
}
