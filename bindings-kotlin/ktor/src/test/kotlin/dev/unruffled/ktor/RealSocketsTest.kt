package dev.unruffled.ktor

import dev.unruffled.Policy
import dev.unruffled.RawServer
import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.engine.cio.CIO
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.plugins.plugin
import io.ktor.client.plugins.timeout
import io.ktor.client.request.get
import io.ktor.client.request.post
import io.ktor.client.request.prepareGet
import io.ktor.client.request.put
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsText
import io.ktor.http.content.OutgoingContent
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.ByteWriteChannel
import io.ktor.utils.io.writeStringUtf8
import io.ktor.utils.io.writer
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import okhttp3.Dispatcher
import okhttp3.OkHttpClient
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit

/** Behaviour on real sockets: connections that end, bodies that fail, real time beside the caller's virtual time. */
class RealSocketsTest {
    private val closing = mutableListOf<AutoCloseable>()
    private val attempts = mutableListOf<String>()

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun server(play: RawServer.(RawServer.Connection) -> Unit) = RawServer(play = play).also { closing += it }

    private fun answering(status: Int = 200) =
        server { connection ->
            while (connection.request() != null) connection.answer(status)
        }

    private fun engines(policy: String = """{"retry":{"base":"10ms"}}"""): List<HttpClient> {
        fun HttpClientConfig<*>.ours() = install(Unruffled) { this.policy = Policy.fromString(policy) }
        return listOf(HttpClient(OkHttp) { ours() }, HttpClient(CIO) { ours() }).onEach { client ->
            closing += client
            client.plugin(Unruffled).on { if (it.kind == "attempt") attempts += "${it.values["fault"]}" }
        }
    }

    private suspend fun failure(call: suspend () -> Unit): Throwable {
        try {
            call()
        } catch (failed: Throwable) {
            return failed
        }
        throw AssertionError("it did not fail")
    }

    @Test
    fun `a pooled connection that the server has closed loses nothing and sends nothing twice`() {
        val closed = Semaphore(0)
        val server =
            server { connection ->
                connection.request()
                connection.answer()
                connection.socket.close()
                closed.release()
            }
        for (client in engines()) {
            attempts.clear()
            server.seen.clear()
            repeat(5) { number ->
                assertEquals(
                    200,
                    runBlocking {
                        client.post("${server.base}/a") { setBody("body $number") }.status.value
                    },
                )
                assertTrue(closed.tryAcquire(10, TimeUnit.SECONDS))
                Thread.sleep(150)
            }
            assertEquals((0 until 5).map { "body $it" }, server.seen.map { it.body.decodeToString() })
            assertEquals(List(5) { "null" }, attempts)
        }
    }

    private class Mine : IOException("mine")

    private class Writing(override val contentLength: Long?, private val write: suspend (ByteWriteChannel) -> Unit) :
        OutgoingContent.WriteChannelContent() {
        override suspend fun writeTo(channel: ByteWriteChannel) = write(channel)
    }

    private class Reading(private val read: () -> ByteReadChannel) : OutgoingContent.ReadChannelContent() {
        override val contentLength: Long = 100_000

        override fun readFrom(): ByteReadChannel = read()
    }

    @Test
    fun `a body whose source fails is the caller's own`() {
        val server = answering()
        val bodies =
            listOf(
                Writing(100_000) {
                    it.writeStringUtf8("x".repeat(20_000))
                    it.flush()
                    throw Mine()
                },
                Reading {
                    CoroutineScope(Dispatchers.IO).writer {
                        channel.writeStringUtf8("x".repeat(20_000))
                        channel.flush()
                        throw Mine()
                    }.channel
                },
            )
        for (client in engines()) {
            for (body in bodies) {
                attempts.clear()
                val failed =
                    runBlocking { withTimeout(10_000) { failure { client.put("${server.base}/a") { setBody(body) } } } }
                assertTrue(generateSequence(failed) { it.cause }.any { it is Mine }, failed.stackTraceToString())
                assertEquals(listOf("refused"), attempts)
            }
        }
    }

    @Test
    fun `an upload of unknown size lives as long as its pieces move`() {
        val server = answering()
        val policy = """{"retry":{"attempts":1},"timeouts":{"attempt":"300ms","idle":"200ms"}}"""
        for (client in engines(policy)) {
            val body =
                Writing(null) { channel ->
                    repeat(8) {
                        channel.writeStringUtf8("piece")
                        channel.flush()
                        delay(80)
                    }
                }
            assertEquals(200, runBlocking { client.put("${server.base}/a") { setBody(body) }.status.value })
        }
    }

    @Test
    fun `a status of 400 and above is that status even if its body is cut`() {
        val server =
            server { connection ->
                connection.request()
                connection.write("HTTP/1.1 404 X\r\nContent-Length: 100\r\n\r\nhalf".toByteArray())
            }
        for (client in engines()) {
            val answer = runBlocking { client.get("${server.base}/a") }
            assertEquals(404, answer.status.value)
            assertEquals("", runBlocking { answer.bodyAsText() })
        }
        assertEquals(2, server.seen.size)
    }

    @Test
    fun `on a virtual clock waits take no time and sockets take theirs`() =
        runTest {
            var refused = 0
            val server =
                server { connection ->
                    while (connection.request() != null) {
                        Thread.sleep(50)
                        connection.answer(if (refused++ % 3 == 2) 200 else 503)
                    }
                }
            for (client in engines("""{"retry":{"base":"2s"},"timeouts":{"attempt":"5s"}}""")) {
                val before = testScheduler.currentTime
                assertEquals(200, client.get("${server.base}/a").status.value)
                assertTrue(testScheduler.currentTime - before >= 4_000)
            }
        }

    @Test
    fun `on a virtual clock a body may be silent in real time`() =
        runTest {
            val server =
                server { connection ->
                    while (connection.request() != null) {
                        connection.write("HTTP/1.1 200 X\r\nContent-Length: 8\r\n\r\nhalf".toByteArray())
                        Thread.sleep(250)
                        connection.write("half".toByteArray())
                    }
                }
            for (client in engines("""{"timeouts":{"idle":"20s"}}""")) {
                assertEquals("halfhalf", client.get("${server.base}/a").bodyAsText())
                assertEquals("halfhalf", client.prepareGet("${server.base}/a").execute { it.bodyAsText() })
            }
            for (client in engines("""{"retry":{"attempts":1},"timeouts":{"idle":"60ms"}}""")) {
                attempts.clear()
                val silent = failure { client.get("${server.base}/a").bodyAsText() }
                assertTrue(generateSequence(silent) { it.cause }.any { "silent for 60 ms" in "$it" }, silent.stackTraceToString())
                assertEquals(1, attempts.size)
            }
        }

    @Test
    fun `a time limit's text shows no path`() {
        val server = server { connection -> connection.request().also { Thread.sleep(2_000) } }
        for (client in engines("""{"retry":{"attempts":1},"timeouts":{"attempt":"100ms"}}""")) {
            val failed = runBlocking { failure { client.get("${server.base}/botSECRET/a") } }
            assertFalse("SECRET" in failed.stackTraceToString(), failed.stackTraceToString())
        }
    }

    /** Makes twelve calls at once. Returns their statuses: 200 if all of them were at the server at one time. */
    private fun twelve(client: HttpClient): Set<Int> {
        val all = CountDownLatch(12)
        val server =
            server { connection ->
                while (connection.request() != null) {
                    all.countDown()
                    all.await(2, TimeUnit.SECONDS)
                    connection.answer(if (all.count == 0L) 200 else 404)
                }
            }
        return runBlocking(Dispatchers.Default) {
            List(12) { async { client.get("${server.base}/a").status.value } }.awaitAll()
        }.toSet()
    }

    private val warnings = CopyOnWriteArrayList<Any?>()

    private fun over(shared: OkHttpClient): HttpClient =
        HttpClient(OkHttp) {
            engine { preconfigured = shared }
            install(HttpTimeout)
            install(Unruffled) {
                policy = Policy.fromString("{}")
                on { if (it.kind == "warning") warnings += it.values["text"] }
            }
        }.also { closing += it }

    @Test
    fun `OkHttp's engine has no queue of five requests a host`() {
        assertEquals(setOf(200), twelve(engines().first()))
    }

    @Test
    fun `a dispatcher that others share keeps its limits for them, and not for the plugin`() {
        val shared = OkHttpClient()
        assertEquals(setOf(200), twelve(over(shared)))
        assertEquals(5 to 64, shared.dispatcher.run { maxRequestsPerHost to maxRequests })
        assertEquals(emptyList<Any?>(), warnings)
    }

    @Test
    fun `limits that the program has set stay, and are told of once`() {
        val shared = OkHttpClient.Builder().dispatcher(Dispatcher().apply { maxRequestsPerHost = 4 }).build()
        val client = over(shared)
        assertTrue(404 in twelve(client))
        runBlocking { client.get("${answering().base}/a") { timeout { connectTimeoutMillis = 1_234 } } }
        val text =
            "OkHttp's dispatcher lets 4 requests to a host through, 64 in all: a queue that the plugin does not see; " +
                "set both to Int.MAX_VALUE and write concurrency into the policy"
        assertEquals(listOf(text), warnings)
    }
}
