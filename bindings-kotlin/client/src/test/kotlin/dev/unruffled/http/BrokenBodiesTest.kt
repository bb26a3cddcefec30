package dev.unruffled.http

import dev.unruffled.ApiResponse
import dev.unruffled.CallException
import dev.unruffled.Event
import dev.unruffled.Outcome
import dev.unruffled.Policy
import dev.unruffled.RawServer
import dev.unruffled.StatusException
import dev.unruffled.Unruffled
import dev.unruffled.under.FutureCallback
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okio.Buffer
import okio.BufferedSink
import okio.GzipSink
import okio.buffer
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.system.measureTimeMillis

/** Bodies that are cut, cannot be unpacked or stall, in both directions. */
class BrokenBodiesTest {
    private val closing = mutableListOf<AutoCloseable>()

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun server(play: RawServer.(RawServer.Connection) -> Unit) = RawServer(play = play).also { closing += it }

    private fun policy(server: RawServer, more: String = "") =
        Policy.fromString("""{"baseUrl":"${server.base}","retry":{"base":"10ms"}$more}""")

    private fun client(server: RawServer, more: String = "") =
        Unruffled.client(policy(server, more)).also { closing += AutoCloseable(it::close) }

    private fun packed(text: String): ByteArray =
        Buffer().also { all -> GzipSink(all).buffer().use { it.writeUtf8(text) } }.readByteArray()

    private val whole = packed("{\"text\":\"${(0..2_000).joinToString(",")}\"}")

    @Test
    fun `half a gzip stream in intact framing is truncated, and asked for again`() {
        val server =
            server { connection ->
                while (true) {
                    connection.request() ?: break
                    val half = if (seen.size % 2 == 1) whole.copyOf(whole.size / 2) else whole
                    connection.answer(200, half, "Content-Encoding: gzip")
                }
            }
        val client = client(server)
        val factory = Unruffled.callFactory(policy(server)).also { closing += it }
        val interceptor = Unruffled.interceptor(policy(server)).also { closing += it }
        val faults = mutableListOf<String>()
        val note = { event: Event -> if (event.kind == "attempt") faults += "${event.values["fault"]}" }
        client.on(note)
        factory.on(note)
        interceptor.on(note)
        val under = OkHttpClient.Builder().addInterceptor(interceptor).build()
        val request = Request.Builder().url("${server.base}/a").build()
        assertTrue(runBlocking { client.get("/a") }.text().endsWith("2000\"}"))
        assertTrue(client.blocking.get("/a").text().endsWith("2000\"}"))
        assertTrue(factory.newCall(request).execute().use { it.body.string() }.endsWith("2000\"}"))
        assertTrue(under.newCall(request).execute().use { it.body.string() }.endsWith("2000\"}"))
        assertEquals(List(4) { listOf("truncated", "null") }.flatten(), faults)
        val failed = assertThrows(CallException::class.java) { client.blocking.post("/a") }
        assertEquals(Outcome.UNKNOWN, failed.outcome)
    }

    @Test
    fun `a status of 400 and above is that status, whatever its body is`() {
        val server =
            server { connection ->
                val request = connection.request()
                val no = "this is no gzip".toByteArray()
                if (request?.line?.contains("/cut") == true) {
                    connection.write("HTTP/1.1 404 X\r\nContent-Length: 100\r\n\r\n".toByteArray())
                } else {
                    connection.answer(404, no, "Content-Encoding: gzip", "Connection: close")
                }
            }
        val client = client(server)
        for (path in listOf("/gzip", "/cut")) {
            for (call in listOf<(Boolean) -> ApiResponse>(
                { raise -> runBlocking { client.get(path) { raise(raise) } } },
                { raise -> client.blocking.get(path) { raise(raise) } },
            )) {
                val raised = assertThrows(StatusException::class.java) { call(true) }
                assertEquals(404, raised.status)
                assertEquals(0, raised.bytes.size)
                val returned = call(false)
                assertEquals(404, returned.status)
                assertEquals(0, returned.bytes.size)
            }
        }
        assertEquals(8, server.seen.size)
    }

    /** [pieces] pieces, one every [EVERY_MS] ms, of unknown size. */
    private class Slow(private val pieces: Int, private val flush: Boolean = true) : RequestBody() {
        override fun contentType() = null

        override fun writeTo(sink: BufferedSink) =
            repeat(pieces) {
                sink.writeUtf8("piece")
                if (flush) sink.flush()
                Thread.sleep(EVERY_MS)
            }
    }

    @Test
    fun `an upload of unknown size lives as long as its pieces move, and no longer`() {
        val server =
            server { connection ->
                while (true) {
                    connection.request() ?: break
                    connection.answer()
                }
            }
        val limits = ""","timeouts":{"attempt":"300ms","idle":"200ms"}"""
        val client = client(server, limits)
        val factory = Unruffled.callFactory(policy(server, limits)).also { closing += it }
        val request = { body: RequestBody ->
            factory.newCall(Request.Builder().url("${server.base}/a").put(body).build())
        }
        assertEquals(200, runBlocking { client.put("/a") { body(Slow(8)) } }.status)
        assertEquals(200, client.blocking.put("/a") { body(Slow(8, flush = false)) }.status)
        assertEquals(200, request(Slow(8)).execute().use { it.code })
        assertEquals(200, queued(request(Slow(8))).use { it.code })
        assertEquals(4, server.seen.size)
        val stalling =
            object : RequestBody() {
                override fun contentType() = null

                override fun isOneShot() = true

                override fun writeTo(sink: BufferedSink) {
                    sink.writeUtf8("piece").flush()
                    Thread.sleep(600)
                    sink.writeUtf8("x".repeat(100_000)).flush()
                }
            }
        assertEquals(
            Outcome.UNKNOWN,
            assertThrows(CallException::class.java) {
                client.blocking.post("/a") { body(stalling) }
            }.outcome,
        )
        assertEquals(4, server.seen.size)
    }

    @Test
    fun `who switches the call's time limit off when the headers are there reads on`() {
        val server =
            server { connection ->
                connection.request()
                connection.write("HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n".toByteArray())
                repeat(10) {
                    Thread.sleep(60)
                    connection.write("x".toByteArray())
                }
            }
        val http = OkHttpClient.Builder().callTimeout(250, TimeUnit.MILLISECONDS).build()
        val factory = Unruffled.callFactory(Policy.fromString("{}"), http).also { closing += it }
        val request = Request.Builder().url("${server.base}/a").build()
        for (make in listOf<(Call) -> Response>({ it.execute() }, ::queued)) {
            val call = factory.newCall(request)
            make(call).use {
                // OkHttp's own reader of event streams does the same.
                call.timeout().cancel()
                assertEquals("xxxxxxxxxx", it.body.string())
            }
        }
    }

    @Test
    fun `who is woken does not wait for the body of a refused answer`() {
        val first = CountDownLatch(1)
        val server =
            server { connection ->
                if (connection.request()?.line?.contains("/first") == true) {
                    first.countDown()
                    Thread.sleep(50)
                    connection.write("HTTP/1.1 503 X\r\nContent-Length: 100\r\n\r\n".toByteArray())
                    Thread.sleep(5_000)
                } else {
                    connection.answer()
                }
            }
        val client = client(server, ""","concurrency":1""")
        val refused = CompletableFuture.runAsync { runCatching { client.blocking.post("/first") } }
        first.await()
        val took = measureTimeMillis { assertEquals(200, client.blocking.get("/second").status) }
        assertTrue(took < 700, "$took ms")
        refused.get(3, TimeUnit.SECONDS)
    }

    private fun queued(call: Call): Response =
        CompletableFuture<Response>().also { call.enqueue(FutureCallback(it)) }.get(10, TimeUnit.SECONDS)

    private companion object {
        const val EVERY_MS = 80L
    }
}
