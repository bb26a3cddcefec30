package dev.unruffled

import com.sun.net.httpserver.HttpServer
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
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
    println("%-46s %10s %10s %10s".format("microseconds, p50 (p99)", "bare", "unruffled", "added"))
    boundary()
    stubbed()
    loopback()
}

private const val BODY = """{"id":7,"sku":"a1"}"""
private const val ROUNDS = 40
private const val STUB_CALLS = 5_000
private const val LOOPBACK_CALLS = 250

private val stub =
    Interceptor { chain ->
        Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1).code(200).message("OK")
            .header("Content-Type", "application/json").body(BODY.toResponseBody()).build()
    }

private fun boundary() {
    val core = Core("""{"limits":[{"name":"core","rate":1000000000,"per":"1s"}]}""", false)
    val what = What.of("GET", What.REPEATABLE)
    var id = 0
    val times =
        Samples.blocking {
            core.begin(++id, id / 1_000L, 0, 0, what, 0)
            core.respond(id, id / 1_000L, 200)
        }
    repeat(ROUNDS) { times.round(STUB_CALLS) }
    println("%-46s %10s %10s %10s".format("begin + respond", "", times, ""))
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

private fun compare(name: String, calls: Int, base: String, okHttp: OkHttpClient, suspending: Boolean) {
    val client = Unruffled.client(Policy.fromUrl(base)) { okHttp(okHttp) }
    val bare: Samples
    val ours: Samples
    if (suspending) {
        bare = Samples.suspending { okHttp.newCall(Request.Builder().url("$base/orders/7").build()).await() }
        ours = Samples.suspending { client.get("/orders/{id}", path = mapOf("id" to 7)).bytes }
    } else {
        bare =
            Samples.blocking {
                okHttp.newCall(Request.Builder().url("$base/orders/7").build()).execute().use { it.body.bytes() }
            }
        ours = Samples.blocking { client.blocking.get("/orders/{id}", path = mapOf("id" to 7)).bytes }
    }
    repeat(ROUNDS) {
        bare.round(calls)
        ours.round(calls)
    }
    val added = ours.p50 - bare.p50
    println("%-46s %10s %10s %10s".format(name, bare, ours, "%.2f (%.1f %%)".format(added, 100 * added / bare.p50)))
    client.close()
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

/** Times of one kind of call; the first half of the rounds only warms up. */
private class Samples(private val many: (LongArray) -> Unit) {
    private val kept = mutableListOf<Double>()
    private var rounds = 0

    fun round(calls: Int) {
        val times = LongArray(calls)
        many(times)
        if (rounds++ >= ROUNDS / 2) times.forEach { kept += it / 1e3 }
    }

    val p50: Double get() = kept.sorted()[kept.size / 2]

    override fun toString(): String = "%.2f (%.1f)".format(p50, kept.sorted()[kept.size * 99 / 100])

    companion object {
        fun blocking(work: () -> Unit) =
            Samples { times: LongArray ->
                for (i in times.indices) {
                    val start = System.nanoTime()
                    work()
                    times[i] = System.nanoTime() - start
                }
            }

        fun suspending(work: suspend () -> Unit) =
            Samples { times: LongArray ->
                runBlocking {
                    for (i in times.indices) {
                        val start = System.nanoTime()
                        work()
                        times[i] = System.nanoTime() - start
                    }
                }
            }
    }
}
