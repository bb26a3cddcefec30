package dev.unruffled.examples

import com.sun.net.httpserver.HttpServer
import dev.unruffled.Core
import dev.unruffled.Policy
import dev.unruffled.Unruffled
import dev.unruffled.What
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Dispatcher
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.Response
import okhttp3.ResponseBody.Companion.toResponseBody
import java.io.IOException
import java.net.InetSocketAddress
import java.util.concurrent.Executors
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException

/**
 * What a call costs over bare OkHttp, as differences within one run: the boundary alone, the whole client over a stub
 * transport, and a GET on loopback. Rounds of both sides alternate, so that a busy machine slows both.
 */
fun main() {
    System.setProperty("sun.net.httpserver.nodelay", "true")
    boundary()
    stubbed()
    loopback()
}

private const val BODY = """{"id":7,"sku":"a1"}"""
private const val ROUNDS = 20
private const val STUB_CALLS = 5_000
private const val LOOPBACK_CALLS = 250
private const val HUNDREDTHS = 100.0

private val stub =
    Interceptor { chain ->
        Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1).code(200).message("OK")
            .header("Content-Type", "application/json").body(BODY.toResponseBody()).build()
    }

private fun boundary() {
    val core = Core("""{"limits":[{"name":"core","rate":1000000000,"per":"1s"}]}""", false)
    val what = What.of("GET", What.REPEATABLE)
    var id = 0
    val times = Samples()
    repeat(2 * ROUNDS * STUB_CALLS) { round ->
        val start = System.nanoTime()
        core.begin(++id, id / 1_000L, 0, 0, what, 0)
        core.respond(id, id / 1_000L, 200)
        val time = System.nanoTime() - start
        if (round >= ROUNDS * STUB_CALLS) times += time
    }
    figure("begin + respond", times.p50 * 1_000, "ns")
    core.release()
}

private fun stubbed() {
    val okHttp = OkHttpClient.Builder().addInterceptor(stub).build()
    compare("stub transport, blocking", STUB_CALLS, "http://127.0.0.1:1", okHttp, suspending = false)
    compare("stub transport, suspending", STUB_CALLS, "http://127.0.0.1:1", okHttp, suspending = true)
}

private fun loopback() {
    val server = HttpServer.create(InetSocketAddress("127.0.0.1", 0), 0)
    server.executor = Executors.newFixedThreadPool(4) { Thread(it).apply { isDaemon = true } }
    server.createContext("/") { exchange ->
        val bytes = BODY.encodeToByteArray()
        exchange.sendResponseHeaders(200, bytes.size.toLong())
        exchange.responseBody.use { it.write(bytes) }
    }
    server.start()
    val base = "http://127.0.0.1:${server.address.port}"
    compare("GET on loopback, blocking", LOOPBACK_CALLS, base, OkHttpClient(), suspending = false)
    compare("GET on loopback, suspending", LOOPBACK_CALLS, base, OkHttpClient(), suspending = true)
    server.stop(0)
}

/** Turns of bare, unruffled and bare again: what the second bare client seems to add is what the machine's noise is worth. */
private fun compare(name: String, calls: Int, base: String, okHttp: OkHttpClient, suspending: Boolean) {
    val client = Unruffled.client(Policy.fromUrl(base)) { okHttp(okHttp) }
    val control = okHttp.newBuilder().dispatcher(Dispatcher()).build()
    val bare: List<suspend () -> Unit> =
        listOf(okHttp, control).map { http ->
            suspend {
                val call = http.newCall(Request.Builder().url("$base/orders/7").build())
                if (suspending) call.await() else call.execute().use { it.body.bytes() }
            }
        }
    val ours: suspend () -> Unit =
        if (suspending) {
            { client.get("/orders/{id}", path = mapOf("id" to 7)).bytes }
        } else {
            { client.blocking.get("/orders/{id}", path = mapOf("id" to 7)).bytes }
        }
    val turns = listOf(bare[0], ours, bare[1])
    val times = List(turns.size) { Samples() }
    runBlocking {
        repeat(2 * ROUNDS) { round ->
            repeat(calls) {
                turns.forEachIndexed { which, turn ->
                    val start = System.nanoTime()
                    turn()
                    val time = System.nanoTime() - start
                    if (round >= ROUNDS) times[which] += time
                }
            }
        }
    }
    val (one, other, noise) = times
    val added = (other - one).p50
    figure("$name: bare", one.p50, "µs")
    figure("$name: added", added, "µs")
    figure("$name: added by a second bare client (noise)", (noise - one).p50, "µs")
    figure("$name: added", 100 * added / one.p50, "%")
    client.close()
}

/** One line of JSON for each figure. */
private fun figure(name: String, value: Double, unit: String) {
    println("""{"name":"jvm $name","value":${Math.round(value * HUNDREDTHS) / HUNDREDTHS},"unit":"$unit"}""")
}

private suspend fun Call.await(): ByteArray =
    suspendCancellableCoroutine { continuation ->
        continuation.invokeOnCancellation { cancel() }
        enqueue(
            object : Callback {
                override fun onFailure(call: Call, e: IOException) = continuation.resumeWithException(e)

                override fun onResponse(call: Call, response: Response) = continuation.resume(
                    response.use {
                        it.body.bytes()
                    },
                )
            },
        )
    }

/** Times of one kind of call, in the order of their turns. */
private class Samples(private var times: LongArray = LongArray(1_000), private var size: Int = 0) {
    operator fun plusAssign(time: Long) {
        if (size == times.size) times = times.copyOf(2 * size)
        times[size++] = time
    }

    operator fun minus(other: Samples) = Samples(LongArray(size) { times[it] - other.times[it] }, size)

    private fun quantile(share: Double): Double = times.copyOf(size).apply { sort() }[(size * share).toInt()] / 1e3

    val p50: Double get() = quantile(0.5)
}
