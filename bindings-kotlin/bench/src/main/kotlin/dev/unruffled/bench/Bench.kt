package dev.unruffled.bench

import dev.unruffled.ClientOptions
import dev.unruffled.Policy
import dev.unruffled.Unruffled
import dev.unruffled.core.CallFlags
import dev.unruffled.core.CallTrait
import dev.unruffled.core.Core
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Driver
import dev.unruffled.driver.PreparedCall
import dev.unruffled.driver.Waiter
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.OkHttpReply
import dev.unruffled.http.onThisThread
import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.engine.mock.MockEngine
import io.ktor.client.engine.mock.respond
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.request.get
import io.ktor.client.statement.bodyAsBytes
import okhttp3.Headers.Companion.headersOf
import okhttp3.OkHttpClient
import okhttp3.Request
import java.util.concurrent.atomic.AtomicInteger

/**
 * What a call costs beside the peers, in rounds in which all take turns: around nothing at all, over OkHttp
 * without a network, and on loopback; then start, sizes and throughput. `--quick` makes few rounds.
 */
internal fun main(arguments: Array<String>) {
    val effort = if ("--quick" in arguments) Effort.QUICK else Effort.WHOLE
    for (threads in listOf(1, MANY)) {
        val column = if (threads == 1) "1 thread" else "$threads threads"
        val alone = unconnected()
        val around = rounds(alone, threads, NO_OP_CALLS / threads, effort.warm, effort.rounds)
        reportAdded("JVM: added per call, no network", column, alone, around)
        LoopbackServer().use { server ->
            // Short turns: the machine changes within a second by more than is measured here.
            val connected = loopback(server.base)
            val times = rounds(connected, threads, NET_CALLS / threads, SHORT * effort.warm, SHORT * effort.rounds)
            reportAdded("JVM: added per call over bare OkHttp, loopback", column, connected, times)
        }
    }
    throughput(effort)
    start(effort)
    sizes()
    System.err.println("done")
    System.exit(0)
}

internal const val MANY = 8
private const val NO_OP_CALLS = 20_000
private const val NET_CALLS = 400
private const val SHORT = 5

/** A library around a function that does nothing, and clients over a transport that answers at once. */
private fun unconnected(): List<Contender> {
    val stub = stubbed()
    val composed = Resilience4j().around(::nothing)
    val resilience = Resilience4j()
    val failsafe = FailsafeStack().around(::nothing)
    val client = Unruffled.client(Policy.fromUrl(NOWHERE)) { okHttp(stub) }
    val calls = Unruffled.callFactory(NOWHERE, stub)
    val intercepted = stub.intercepted(NOWHERE)
    return listOf(
        Contender("nothing", null) { nothing() },
        Contender("resilience4j limiter + breaker + retry", "nothing") { composed.get() },
        Contender("resilience4j, suspend", "nothing") { resilience.suspending { nothing() } },
        Contender("Failsafe limiter + breaker + retry", "nothing") { failsafe() },
        Contender("unruffled boundary alone", "nothing", boundary()),
        Contender("unruffled driver, blocking", "nothing", driver(blocking = true)),
        Contender("unruffled driver, suspending", "nothing", driver(blocking = false)),
        Contender("Ktor, mock engine", null, ktorMock { }),
        Contender("Ktor HttpRequestRetry", "Ktor, mock engine", ktorMock { retrying() }),
        Contender("unruffled plugin in Ktor", "Ktor, mock engine", ktorMock { unruffled(NOWHERE) }),
        Contender("bare OkHttp, stub", null) { stub.fetch("$NOWHERE/orders/7") },
        Contender("unruffled client, blocking, over OkHttp", "bare OkHttp, stub") {
            client.blocking.get("/orders/{id}") { path("id", 7) }.bytes
        },
        Contender("unruffled call factory over OkHttp", "bare OkHttp, stub") { calls.fetch("$NOWHERE/orders/7") },
        Contender("unruffled interceptor in OkHttp", "bare OkHttp, stub") { intercepted.fetch("$NOWHERE/orders/7") },
    )
}

/** Copies a client and puts our interceptor before its own. */
private fun OkHttpClient.intercepted(base: String): OkHttpClient =
    newBuilder().apply { interceptors().add(0, Unruffled.interceptor(base)) }.build()

private fun loopback(base: String): List<Contender> {
    val http = OkHttpClient()
    val twin = OkHttpClient()
    val client = Unruffled.client(Policy.fromUrl(base)) { okHttp(OkHttpClient()) }
    val asking =
        Unruffled.client(Policy.fromUrl(base)) {
            okHttp(OkHttpClient())
            credentials { "t1" }
        }
    val calls = Unruffled.callFactory(base)
    val intercepted = OkHttpClient().intercepted(base)
    val url = "$base/orders/7"
    val resilience = Resilience4j()
    val composed = resilience.around { http.fetch(url) }
    val failsafe = FailsafeStack().around { http.fetch(url) }
    val plain = HttpClient(OkHttp)
    val retrying = HttpClient(OkHttp) { retrying() }
    val plugged = HttpClient(OkHttp) { unruffled(base) }
    return listOf(
        Contender(BLOCKING, null) { http.fetch(url) },
        Contender("a second bare client (noise)", BLOCKING) { twin.fetch(url) },
        Contender("resilience4j, blocking", BLOCKING) { composed.get() },
        Contender("Failsafe", BLOCKING) { failsafe() },
        Contender("unruffled, blocking", BLOCKING) { client.blocking.get("/orders/{id}") { path("id", 7) }.bytes },
        Contender("unruffled, blocking, a text credential", BLOCKING) {
            asking.blocking.get("/orders/{id}") { path("id", 7) }.bytes
        },
        Contender("unruffled call factory, blocking", BLOCKING) { calls.fetch(url) },
        Contender("unruffled interceptor, blocking", BLOCKING) { intercepted.fetch(url) },
        Contender(SUSPENDING, null) { http.await(url) },
        Contender("a second bare client, suspending (noise)", SUSPENDING) { twin.await(url) },
        Contender("resilience4j, suspend", SUSPENDING) { resilience.suspending { http.await(url) } },
        Contender("Ktor, OkHttp engine", SUSPENDING) { plain.get(url).bodyAsBytes() },
        Contender("Ktor HttpRequestRetry", SUSPENDING) { retrying.get(url).bodyAsBytes() },
        Contender("unruffled plugin in Ktor", SUSPENDING) { plugged.get(url).bodyAsBytes() },
        Contender("unruffled, suspending", SUSPENDING) { client.get("/orders/{id}") { path("id", 7) }.bytes },
        Contender("unruffled call factory, suspending", SUSPENDING) { calls.await(url) },
    )
}

internal const val BLOCKING = "bare OkHttp, blocking"
internal const val SUSPENDING = "bare OkHttp, suspending"
private const val NOWHERE = "http://127.0.0.1:1"
private val answer = Any()

private fun nothing(): Any = answer

/** Returns both crossings of a successful call. */
private fun boundary(): suspend () -> Unit {
    val core = Core("""{"limits":[{"name":"core","rate":1000000000,"per":"1s"}],"concurrency":1000}""", false)
    val flags = CallFlags.of("GET", CallTrait.REPEATABLE)
    val target = core.route("GET /orders/{id}")
    val ids = AtomicInteger()
    val begun = System.nanoTime()
    return {
        val id = ids.getAndIncrement()
        core.begin(id, (System.nanoTime() - begun) / 1_000_000, target, 0, flags, 0)
        core.respond(id, (System.nanoTime() - begun) / 1_000_000, 200)
    }
}

/** The whole loop of a call over a host that has the answer at once: what compares with a library around nothing. */
private fun driver(blocking: Boolean): suspend () -> Unit {
    val engine = ClientOptions().open(Policy.fromUrl(NOWHERE))
    val driver = Driver(engine, AtOnce)
    val request = Request.Builder().url("$NOWHERE/orders/7").build()
    val flags = CallFlags.of("GET", CallTrait.REPEATABLE)
    val target = engine.core.route("GET /orders/{id}")

    fun prepared() = PreparedCall("GET", "/orders/{id}", request, target, 0, flags, 0, streamed = false, null, null)
    return if (blocking) ({ onThisThread { driver.run(prepared()) } }) else ({ driver.run(prepared()) })
}

private object AtOnce : OkHttpHost {
    private val headers = headersOf("Content-Type", "application/json")
    private val bytes = BODY.encodeToByteArray()

    override suspend fun send(attempt: Attempt<Request>): OkHttpReply = OkHttpReply(200, headers, bytes, null)

    override suspend fun retain(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray = bytes

    override suspend fun whole(reply: OkHttpReply, most: Long): ByteArray = bytes

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean = false

    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T = function()
}

private fun ktorMock(configure: HttpClientConfig<*>.() -> Unit): suspend () -> Unit {
    val http = HttpClient(MockEngine { respond(BODY) }, configure)
    return { http.get("$NOWHERE/orders/7").bodyAsBytes() }
}
