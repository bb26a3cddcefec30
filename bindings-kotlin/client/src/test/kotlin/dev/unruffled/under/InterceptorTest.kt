package dev.unruffled.under

import dev.unruffled.CallException
import dev.unruffled.Policy
import dev.unruffled.PolicyOptions
import dev.unruffled.Reason
import dev.unruffled.ResilientInterceptor
import dev.unruffled.core.text
import dev.unruffled.driver.Clock
import dev.unruffled.driver.SystemClock
import dev.unruffled.support.FaultServer
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Interceptor
import okhttp3.MediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.WebSocket
import okhttp3.WebSocketListener
import okio.BufferedSink
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestInfo
import java.io.IOException
import java.io.InterruptedIOException
import java.net.SocketTimeoutException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** The contract of an application interceptor that proceeds more than once. */
class InterceptorTest {
    private val closing = mutableListOf<AutoCloseable>()
    private var run = ""

    /** The length of each wait, as the clock received it. */
    private val waits = java.util.concurrent.LinkedBlockingQueue<Long>()

    /** A clock whose waits are over at once unless [stuck]. */
    private inner class Waits(private val stuck: Boolean) : Clock {
        private val real = SystemClock()

        override fun now(): Long = real.now()

        override fun wall(): Long = real.wall()

        override fun await(woken: CountDownLatch, ms: Long): Boolean {
            waits += ms
            return if (stuck) super.await(woken, LONG) else super.await(woken, ms)
        }
    }

    @BeforeEach
    fun name(info: TestInfo) {
        run = "chain-${info.displayName.hashCode().toUInt()}"
    }

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun interceptor(policy: String = "", stuck: Boolean = false): ResilientInterceptor {
        val text = """{"retry":{"base":"10ms"}$policy}"""
        val engine = PolicyOptions().open(Policy.fromString(text), Waits(stuck))
        return ResilientInterceptor(DropIn(engine)).also { closing += AutoCloseable(it::close) }
    }

    private fun client(
        policy: String = "",
        stuck: Boolean = false,
        also: OkHttpClient.Builder.() -> Unit = {},
    ): OkHttpClient = OkHttpClient.Builder().addInterceptor(interceptor(policy, stuck)).apply(also).build()

    private fun request(script: String): Request = Request.Builder().url(server.begin(run, script) + "/thing").build()

    private inline fun <reified T : Throwable> fails(crossinline work: () -> Unit): T =
        assertThrows(T::class.java) { work() }

    @Test
    fun `an answer that is let go is closed before the next attempt`() {
        val script = """{"answers":[{"status":503,"bytes":300},{"status":503,"bytes":300}],"then":{"json":1}}"""
        client().newCall(request(script)).execute().use { response ->
            assertEquals("1", response.body.string())
            assertEquals(503, response.priorResponse?.code)
        }
        assertEquals(3, server.requests(run))
        assertEquals(1, server.seen(run).map { it["connection"] }.distinct().size)
    }

    @Test
    fun `the last answer is returned, the last error thrown`() {
        client().newCall(request("""{"then":{"status":503,"json":7}}""")).execute().use { response ->
            assertEquals(503, response.code)
            assertEquals("7", response.body.string())
        }
        assertEquals(4, server.requests(run))
        val failed = fails<IOException> { client().newCall(request("""{"then":{"fault":"reset-after"}}""")).execute() }
        assertEquals(Reason.RETRIES_EXHAUSTED, failed.suppressed.filterIsInstance<CallException>().single().reason)
    }

    @Test
    fun `a wait that would hold its slot for longer than the policy's wait is not begun`() {
        val script = """{"then":{"status":503,"headers":{"Retry-After":"5"}}}"""
        val own = interceptor()
        val client = OkHttpClient.Builder().addInterceptor(own).build()
        client.newCall(request(script)).execute().use { response ->
            assertEquals(503, response.code)
            assertTrue("rate-limited" in own.explain(response), own.explain(response))
        }
        assertTrue(waits.isEmpty())
        assertEquals(1, server.requests(run))
        val short = """{"answers":[{"status":503,"headers":{"Retry-After":"1"}}]}"""
        client(""","timeouts":{"wait":"500ms"}""").newCall(request(short)).execute().use { assertEquals(503, it.code) }
        client().newCall(request(short)).execute().use { assertEquals(200, it.code) }
    }

    @Test
    fun `cancelling wakes a wait at once`() {
        val call = client(stuck = true).newCall(request("""{"then":{"status":503}}"""))
        val ended = CompletableFuture<IOException>()
        call.enqueue(
            object : Callback {
                override fun onFailure(call: Call, e: IOException) {
                    ended.complete(e)
                }

                override fun onResponse(call: Call, response: Response) = response.close()
            },
        )
        waits.poll(PATIENCE, TimeUnit.SECONDS)
        val at = System.nanoTime()
        call.cancel()
        assertEquals("Canceled", ended.get(PATIENCE, TimeUnit.SECONDS).message)
        assertTrue(System.nanoTime() - at < TimeUnit.SECONDS.toNanos(1))
        assertEquals(1, server.requests(run))
    }

    @Test
    fun `an interrupt ends a wait and stays`() {
        val call = client(stuck = true).newCall(request("""{"then":{"status":503}}"""))
        val caller = Thread.currentThread()
        val interrupting = thread {
            waits.poll(PATIENCE, TimeUnit.SECONDS)
            caller.interrupt()
        }
        fails<InterruptedIOException> { call.execute() }
        assertTrue(Thread.interrupted())
        interrupting.join()
    }

    @Test
    fun `the call's timeout bounds waits and attempts`() {
        val waiting = client().newCall(request("""{"then":{"status":503,"headers":{"Retry-After":"2"}}}"""))
        waiting.timeout().timeout(1, TimeUnit.SECONDS)
        waiting.execute().use { assertEquals(503, it.code) }
        assertTrue(waits.isEmpty())
        val stalled = client().newCall(request("""{"then":{"fault":"stall-headers"}}"""))
        stalled.timeout().timeout(300, TimeUnit.MILLISECONDS)
        fails<InterruptedIOException> { stalled.execute() }
        assertEquals(1, server.requests(run))
        val stuck = client(stuck = true).newCall(request("""{"then":{"status":503}}"""))
        stuck.timeout().timeout(1, TimeUnit.SECONDS)
        assertEquals("timeout", fails<InterruptedIOException> { stuck.execute() }.message)
    }

    @Test
    fun `the policy's limit of an attempt is that of its connecting, reading and writing`() {
        val stalled = """{"answers":[{"fault":"stall-headers"}],"then":{}}"""
        client(""","timeouts":{"attempt":"300ms"}""").newCall(request(stalled)).execute().use {
            assertEquals(200, it.code)
        }
        assertEquals(2, server.requests(run))
        val policy = ""","timeouts":{"attempt":"200ms"},"breaker":false"""
        fails<SocketTimeoutException> {
            client(policy).newCall(request("""{"then":{"fault":"stall-headers"}}""")).execute()
        }
        assertEquals(4, server.requests(run))
    }

    @Test
    fun `OkHttp sends nothing a second time by itself`() {
        val client = client()
        // The next request on this connection is reset unread. Bare OkHttp sends it again on another one without
        // notice.
        val base = server.begin(run, """{"answers":[{"fault":"reset-idle"},{"fault":"reset-idle"}]}""")
        client.newCall(Request.Builder().url(base).build()).execute().close()
        val post = Request.Builder().url(base).post("x".toRequestBody()).build()
        fails<IOException> { client.newCall(post).execute() }
        assertEquals(1, server.requests(run))
        OkHttpClient().let { bare ->
            server.begin(run, """{"answers":[{"fault":"reset-idle"}]}""")
            bare.newCall(Request.Builder().url(base).build()).execute().close()
            bare.newCall(post).execute().use { assertEquals(200, it.code) }
        }
    }

    @Test
    fun `a body that can be sent once is sent once`() {
        val once =
            object : RequestBody() {
                override fun contentType(): MediaType? = null

                override fun isOneShot() = true

                override fun writeTo(sink: BufferedSink) {
                    sink.writeUtf8("once")
                }
            }
        val request = request("""{"then":{"status":503}}""").newBuilder().put(once).build()
        client().newCall(request).execute().use { assertEquals(503, it.code) }
        assertEquals(listOf("once"), server.seen(run).map { it.text("body") })
    }

    @Test
    fun `a web socket's handshake is not ours`() {
        val refused = CompletableFuture<Int>()
        client().newWebSocket(
            request("""{"then":{"status":503}}"""),
            object : WebSocketListener() {
                override fun onFailure(webSocket: WebSocket, t: Throwable, response: Response?) {
                    refused.complete(response?.code ?: 0)
                }
            },
        )
        assertEquals(503, refused.get(PATIENCE, TimeUnit.SECONDS))
        assertEquals(1, server.requests(run))
    }

    @Test
    fun `a network interceptor is refused with what to write instead`() {
        val client = OkHttpClient.Builder().addNetworkInterceptor(interceptor()).build()
        val failed = fails<IOException> { client.newCall(request("{}")).execute() }
        assertTrue("addInterceptor" in failed.message.orEmpty())
    }

    @Test
    fun `it throws nothing but IOException of its own, and what others throw as it is`() {
        val own = interceptor()
        own.close()
        val closed = OkHttpClient.Builder().addInterceptor(own).build()
        assertEquals(Reason.CLOSED, fails<CallException> { closed.newCall(request("{}")).execute() }.reason)
        val calls = AtomicInteger()
        val throwing =
            client {
                addInterceptor(
                    Interceptor {
                        calls.incrementAndGet()
                        error("mine")
                    },
                )
            }
        assertEquals("mine", fails<IllegalStateException> { throwing.newCall(request("{}")).execute() }.message)
        assertEquals(1, calls.get())
    }

    private companion object {
        const val PATIENCE = 10L
        const val LONG = 60_000L
        lateinit var server: FaultServer

        @JvmStatic
        @BeforeAll
        fun start() {
            server = FaultServer()
        }

        @JvmStatic
        @AfterAll
        fun stop() = server.close()
    }
}
