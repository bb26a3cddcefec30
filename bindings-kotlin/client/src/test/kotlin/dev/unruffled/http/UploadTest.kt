package dev.unruffled.http

import dev.unruffled.Policy
import dev.unruffled.RawServer
import dev.unruffled.Unruffled
import dev.unruffled.under.FutureCallback
import kotlinx.coroutines.runBlocking
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okio.BufferedSink
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.milliseconds

/** An upload of unknown size whose pieces move: it may outlast its attempt's time, but not the call's. */
class UploadTest {
    private val closing = mutableListOf<AutoCloseable>()
    private val server =
        RawServer { connection -> while (connection.request() != null) connection.answer() }.also { closing += it }

    @AfterEach
    fun close() = closing.asReversed().forEach { it.close() }

    private class Dripping(private val most: Int = MOST) : RequestBody() {
        @Volatile
        var pieces = 0

        override fun contentType() = null

        override fun isOneShot() = true

        override fun writeTo(sink: BufferedSink) {
            while (pieces < most) {
                sink.writeUtf8("piece").flush()
                pieces++
                Thread.sleep(PACE_MS)
            }
        }
    }

    /** Checks that [call] ends with the time limit of the whole call, not with that of its attempt or its body. */
    private fun ends(name: String, call: (RequestBody) -> Unit) {
        val body = Dripping()
        val failed = assertThrows(Exception::class.java, { call(body) }, name)
        assertTrue(body.pieces in 4 until MOST / 2, "$name: ${body.pieces} pieces")
        assertTrue("Canceled" != failed.message && "closed" !in failed.message.orEmpty(), "$name: $failed")
    }

    private fun request(body: RequestBody) = Request.Builder().url("${server.base}/a").put(body).build()

    private fun queued(call: okhttp3.Call): Response {
        val end = CompletableFuture<Response>().also { call.enqueue(FutureCallback(it)) }
        return end.get(PATIENCE_S, TimeUnit.SECONDS)
    }

    private fun policy(limits: String) = Policy.fromString("""{"baseUrl":"${server.base}","timeouts":{$limits}}""")

    @Test
    fun `an upload without an end ends with the policy's total`() {
        val policy = policy(""""attempt":"300ms","idle":"2s","total":"900ms"""")
        val client = Unruffled.client(policy).also { closing += AutoCloseable(it::close) }
        val factory = Unruffled.callFactory(policy).also { closing += it }
        val interceptor = Unruffled.interceptor(policy).also { closing += it }
        val under = OkHttpClient.Builder().addInterceptor(interceptor).build()
        ends("suspending") { body -> runBlocking { client.put("/a") { body(body) } } }
        ends("blocking") { client.blocking.put("/a") { body(it) } }
        ends("executed") { factory.newCall(request(it)).execute().close() }
        ends("enqueued") { queued(factory.newCall(request(it))).close() }
        ends("interceptor") { under.newCall(request(it)).execute().close() }
    }

    @Test
    fun `an upload without an end ends with the call's own time`() {
        val policy = policy(""""attempt":"300ms","idle":"2s"""")
        val client = Unruffled.client(policy).also { closing += AutoCloseable(it::close) }
        val http = OkHttpClient.Builder().callTimeout(OWN_MS, TimeUnit.MILLISECONDS).build()
        val factory = Unruffled.callFactory(policy, http).also { closing += it }
        val interceptor = Unruffled.interceptor(policy).also { closing += it }
        val under = http.newBuilder().addInterceptor(interceptor).build()
        ends("suspending") { body -> runBlocking { client.put("/a") { body(body).deadline(OWN_MS.milliseconds) } } }
        ends("blocking") { client.blocking.put("/a") { body(it).deadline(OWN_MS.milliseconds) } }
        ends("executed") { factory.newCall(request(it)).execute().close() }
        ends("enqueued") { queued(factory.newCall(request(it))).close() }
        ends("interceptor") { under.newCall(request(it)).execute().close() }
    }

    @Test
    fun `pieces that move keep the attempt alive`() {
        val policy = policy(""""attempt":"300ms","idle":"2s"""")
        val client = Unruffled.client(policy).also { closing += AutoCloseable(it::close) }
        assertEquals(200, client.blocking.put("/a") { body(Dripping(most = 8)) }.status)
        assertEquals("piece".repeat(8), server.seen.single().body.decodeToString())
    }

    private companion object {
        const val MOST = 100
        const val PACE_MS = 100L
        const val OWN_MS = 900L
        const val PATIENCE_S = 20L
    }
}
