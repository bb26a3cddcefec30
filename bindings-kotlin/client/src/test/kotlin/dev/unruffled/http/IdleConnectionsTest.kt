package dev.unruffled.http

import dev.unruffled.Event
import dev.unruffled.Policy
import dev.unruffled.RawServer
import dev.unruffled.Unruffled
import dev.unruffled.under.FutureCallback
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okio.BufferedSink
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit

/** A pooled connection that its server has closed: no call is lost and no call is sent twice. */
class IdleConnectionsTest {
    private val closing = mutableListOf<AutoCloseable>()

    /** A permit for each connection that the server has closed. */
    private val closed = Semaphore(0)

    /** Answers one request on each connection without `Connection: close`, then closes it. */
    private val server =
        RawServer { connection ->
            connection.request()
            connection.answer()
            connection.socket.close()
            closed.release()
        }.also { closing += it }

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun policy(base: Boolean = false) =
        Policy.fromString("""{${if (base) "\"baseUrl\":\"${server.base}\"," else ""}"retry":{"base":"10ms"}}""")

    /**
     * Calls [post] five times, each time after the last connection was closed and idle for long enough to be checked.
     */
    private fun five(events: (((Event) -> Unit) -> Unit)? = null, post: (Int) -> Int) {
        val attempts = mutableListOf<String>()
        events?.invoke { if (it.kind == "attempt") attempts += "${it.values["fault"]}" }
        repeat(CALLS) { number ->
            assertEquals(200, post(number))
            assertTrue(closed.tryAcquire(10, TimeUnit.SECONDS))
            Thread.sleep(IDLE_MS)
        }
        assertEquals((0 until CALLS).map { "body $it" }, server.seen.map { it.body.decodeToString() })
        if (events != null) assertEquals(List(CALLS) { "null" }, attempts)
    }

    private fun request(number: Int) =
        Request.Builder().url("${server.base}/a").post("body $number".toRequestBody()).build()

    /** A body that can be read once. */
    private class Once(private val text: String) : RequestBody() {
        private var taken = false

        override fun contentType() = null

        override fun isOneShot() = true

        override fun writeTo(sink: BufferedSink) {
            check(!taken) { "the body was taken before" }
            taken = true
            sink.writeUtf8(text)
        }
    }

    private fun client() = Unruffled.client(policy(base = true)).also { closing += AutoCloseable(it::close) }

    @Test
    fun `suspending client`() {
        val client = client()
        five({ client.on(it) }) { runBlocking { client.post("/a") { body("body $it".toRequestBody()) }.status } }
    }

    @Test
    fun `blocking client, bodies that can be sent once`() {
        val client = client()
        five({ client.on(it) }) { client.blocking.post("/a") { body(Once("body $it")) }.status }
    }

    @Test
    fun `call factory, executed and enqueued`() {
        val factory = Unruffled.callFactory(policy()).also { closing += it }
        five({ factory.on(it) }) { number ->
            val call = factory.newCall(request(number))
            val answer = if (number % 2 ==
                0
            ) {
                call.execute()
            } else {
                java.util.concurrent.CompletableFuture<okhttp3.Response>().also { call.enqueue(FutureCallback(it)) }.get()
            }
            answer.use { it.code }
        }
    }

    @Test
    fun `interceptor, and a factory of somebody else's`() {
        val interceptor = Unruffled.interceptor(policy()).also { closing += it }
        val over = OkHttpClient.Builder().addInterceptor(interceptor).build()
        five({ interceptor.on(it) }) { number -> over.newCall(request(number)).execute().use { it.code } }
        server.seen.clear()
        val plain = OkHttpClient.Builder().retryOnConnectionFailure(false).build()
        val foreign = Unruffled.callFactory(policy(), Call.Factory(plain::newCall)).also { closing += it }
        five({ foreign.on(it) }) { number -> foreign.newCall(request(number)).execute().use { it.code } }
    }

    /** OkHttp's own retries are on there: the request goes to a new connection, which the server resets after reading it. */
    @Test
    fun `a factory of somebody else's that sends on a new connection by itself`() {
        val resetting =
            RawServer { connection ->
                connection.request()
                if (connection.number == 0) {
                    connection.answer()
                } else {
                    connection.socket.setSoLinger(true, 0)
                }
                connection.socket.close()
                closed.release()
            }.also { closing += it }
        val foreign = Unruffled.callFactory(policy(), Call.Factory(OkHttpClient()::newCall)).also { closing += it }
        val faults = mutableListOf<String>()
        foreign.on { if (it.kind == "attempt") faults += "${it.values["fault"]}" }
        val request = Request.Builder().url("${resetting.base}/a").post("body".toRequestBody()).build()
        foreign.newCall(request).execute().close()
        assertTrue(closed.tryAcquire(10, TimeUnit.SECONDS))
        Thread.sleep(IDLE_MS)
        val failed = assertThrows(IOException::class.java) { foreign.newCall(request).execute().close() }
        assertEquals(listOf("null", "lost"), faults)
        assertEquals(2, resetting.seen.size)
        assertTrue("outcome unknown" in failed.suppressed.joinToString { it.message.orEmpty() })
    }

    /** A request that may be sent again needs no check of its connection. */
    @Test
    fun `only what may be sent once is looked after`() {
        val get = Request.Builder().url("${server.base}/a").build()
        val put = get.newBuilder().put("body".toRequestBody()).build()
        assertFalse(get.isSentOnce() || put.isSentOnce())
        assertTrue(get.newBuilder().put(Once("body")).build().isSentOnce())
        val post = get.newBuilder().post("body".toRequestBody()).build()
        assertTrue(post.isSentOnce() && get.newBuilder().patch("body".toRequestBody()).build().isSentOnce())
        assertFalse(post.newBuilder().tag(Keyed::class.java, Keyed).build().isSentOnce())
    }

    private companion object {
        const val CALLS = 5
        const val IDLE_MS = 150L
    }
}
