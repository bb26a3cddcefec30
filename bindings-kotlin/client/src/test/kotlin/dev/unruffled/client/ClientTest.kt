package dev.unruffled.client

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import dev.unruffled.CallException
import dev.unruffled.Client
import dev.unruffled.ClientOptions
import dev.unruffled.Outcome
import dev.unruffled.Policy
import dev.unruffled.Reason
import dev.unruffled.StatusException
import dev.unruffled.Token
import dev.unruffled.Unruffled
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable
import kotlinx.serialization.SerializationException
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.InterruptedIOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * Behaviour that only the JVM has: OkHttp, threads, serialization. The scenarios test what all languages share.
 */
class ClientTest {
    private class Server(private val play: (HttpExchange) -> Unit) : AutoCloseable {
        val seen = CopyOnWriteArrayList<HttpExchange>()
        private val http =
            HttpServer.create(InetSocketAddress("127.0.0.1", 0), 0).apply {
                executor = Executors.newCachedThreadPool { Thread(it).apply { isDaemon = true } }
                createContext("/") {
                    seen += it
                    play(it)
                    it.close()
                }
                start()
            }
        val base = "http://127.0.0.1:${http.address.port}"

        override fun close() = http.stop(0)
    }

    private val closing = mutableListOf<AutoCloseable>()

    private fun server(play: (HttpExchange) -> Unit) = Server(play).also { closing += it }

    private fun client(
        base: String,
        policy: String = "",
        pace: String = "10ms",
        configure: ClientOptions.() -> Unit = {
        },
    ): Client =
        Unruffled.client(Policy.fromString("""{"baseUrl":"$base","retry":{"base":"$pace"}$policy}"""), configure).also {
            closing += AutoCloseable(it::close)
        }

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun HttpExchange.answer(status: Int, body: String = "{}", vararg headers: Pair<String, String>) {
        requestBody.readBytes()
        headers.forEach { (name, value) -> responseHeaders.add(name, value) }
        sendResponseHeaders(status, if (body.isEmpty()) -1 else body.encodeToByteArray().size.toLong())
        if (body.isNotEmpty()) responseBody.use { it.write(body.encodeToByteArray()) }
    }

    @Serializable
    data class Order(val sku: String, val count: Int = 1)

    @Test
    fun `a server of HTTP 1_0 gets a connection for each request`() =
        ServerSocket(0, 50, InetAddress.getLoopbackAddress()).use { listening ->
            thread(isDaemon = true) {
                // It says nothing about its connections and closes each after one answer, as that version does.
                while (!listening.isClosed) {
                    val socket = runCatching { listening.accept() }.getOrNull() ?: return@thread
                    socket.use {
                        val lines = it.getInputStream().bufferedReader()
                        while (!lines.readLine().isNullOrEmpty()) continue
                        it.getOutputStream().write("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}".toByteArray())
                    }
                }
            }
            val client = Unruffled.client("http://127.0.0.1:${listening.localPort}")
            closing += AutoCloseable(client::close)
            repeat(20) { client.blocking.get("/a") }
            assertEquals("20", client.snapshot()["attempts"].toString())
        }

    @Test
    fun `values become JSON and JSON becomes values`() {
        val bodies = CopyOnWriteArrayList<String>()
        val server =
            server {
                bodies += it.requestBody.readBytes().decodeToString()
                it.answer(200, """{"sku":"a1","unknown":true}""")
            }
        val client = client(server.base).blocking
        assertEquals(Order("a1"), client.post("/orders") { json(Order("b2", 3)) }.body<Order>())
        client.post("/orders") { json(listOf(mapOf("op" to 1, "orders" to listOf(Order("c3")), "none" to null))) }
        client.post("/orders") { form(mapOf("a b" to "c&d", "e" to listOf(1, 2), "f" to null)) }
        assertEquals("""{"sku":"b2","count":3}""", bodies[0])
        assertEquals("""[{"op":1,"orders":[{"sku":"c3"}],"none":null}]""", bodies[1])
        assertEquals("a+b=c%26d&e=1&e=2", bodies[2])
        assertEquals(
            listOf("application/json", "application/x-www-form-urlencoded"),
            server.seen.map {
                it.requestHeaders.getFirst("Content-Type")
            }.distinct(),
        )
    }

    @Test
    fun `an empty body is null where null is allowed, else the parser's own error`() {
        val client = client(server { it.answer(204, "") }.base).blocking
        assertNull(client.get("/").body<Order?>())
        assertThrows(SerializationException::class.java) { client.get("/").body<Order>() }
    }

    @Test
    fun `an interceptor that throws is the caller's own and rethrown untouched, suspending and blocking`() {
        val mine = IllegalStateException("mine")
        val http = OkHttpClient.Builder().addInterceptor(Interceptor { throw mine }).build()
        val server = server { it.answer(200) }
        val client = client(server.base) { okHttp(http) }
        assertSame(mine, assertThrows(IllegalStateException::class.java) { client.blocking.get("/") })
        val thrown = assertThrows(IllegalStateException::class.java) { runBlocking { client.get("/") } }
        assertTrue(generateSequence<Throwable>(thrown) { it.cause }.any { it === mine })
        assertTrue(server.seen.isEmpty())
    }

    @Test
    fun `OkHttp sends nothing by itself when a 503 says Retry-After 0`() {
        val server = server { it.answer(503, "", "Retry-After" to "0") }
        val failed = assertThrows(StatusException::class.java) { client(server.base).blocking.get("/") }
        assertEquals(4, failed.attempts)
        assertEquals(4, server.seen.size)
    }

    @Test
    fun `a redirect to another origin takes no credential along, one to the same origin does`() {
        val other = server { it.answer(200) }
        val server =
            server {
                when (it.requestURI.path) {
                    "/away" -> it.answer(302, "", "Location" to "${other.base}/there")
                    "/near" -> it.answer(302, "", "Location" to "/here")
                    else -> it.answer(200)
                }
            }
        val client = client(server.base) { credentials { "t1" } }.blocking
        client.get("/away") { header("X-Api-Key", "k").header("Accept", "text/plain") }
        val away = other.seen.single().requestHeaders
        assertNull(away.getFirst("Authorization"))
        assertNull(away.getFirst("X-Api-Key"))
        assertEquals("text/plain", away.getFirst("Accept"))
        client.get("/near") { header("X-Api-Key", "k") }
        assertEquals("Bearer t1", server.seen.last().requestHeaders.getFirst("Authorization"))
        assertEquals("k", server.seen.last().requestHeaders.getFirst("X-Api-Key"))
    }

    @Test
    fun `an interrupt ends a call in a socket and in a wait, and the flag stays`() {
        val arrived = CountDownLatch(1)
        val hold = CountDownLatch(1)
        closing += AutoCloseable(hold::countDown)
        val stuck =
            server {
                arrived.countDown()
                hold.await()
            }
        val busy = server { it.answer(503) }
        for (base in listOf(stuck.base, busy.base)) {
            val client = client(base, pace = "20s")
            var thrown: Throwable? = null
            var flag = false
            val caller =
                thread {
                    thrown = runCatching { client.blocking.get("/") }.exceptionOrNull()
                    flag = Thread.currentThread().isInterrupted
                }
            if (base == stuck.base) arrived.await()
            while (base == busy.base && busy.seen.isEmpty()) Thread.yield()
            caller.interrupt()
            caller.join(TimeUnit.SECONDS.toMillis(5))
            assertFalse(caller.isAlive)
            assertEquals(InterruptedIOException::class, thrown?.let { it::class }, "$thrown")
            assertTrue(flag)
        }
    }

    @Test
    fun `cancelling closes the connection under an attempt`() =
        runBlocking(Dispatchers.Default) {
            val arrived = CountDownLatch(1)
            val broken = CountDownLatch(1)
            val server =
                server {
                    it.sendResponseHeaders(200, 0)
                    arrived.countDown()
                    try {
                        while (true) {
                            it.responseBody.write(0)
                            it.responseBody.flush()
                            Thread.sleep(5)
                        }
                    } catch (_: java.io.IOException) {
                        broken.countDown()
                    }
                }
            val client = client(server.base)
            val job = launch { client.get("/") }
            arrived.await()
            job.cancelAndJoin()
            assertTrue(broken.await(5, TimeUnit.SECONDS))
        }

    @Test
    fun `more calls than OkHttp's dispatcher would run at once do not wait for each other`() =
        runBlocking(Dispatchers.Default) {
            val all = CountDownLatch(20)
            val server =
                server {
                    all.countDown()
                    all.await()
                    it.answer(200)
                }
            val client = client(server.base)
            List(20) { async { client.get("/") } }.forEach { assertEquals(200, it.await().status) }
        }

    @Test
    fun `views keep credentials apart and share the rest`() {
        val server = server { it.answer(200) }
        val client = client(server.base) { credentials { Token("own") } }
        val ann = client.withCredentials { Token("ann") }
        val bob = client.withCredentials { "bob" }
        for (each in listOf(client, ann, bob, ann, client)) each.blocking.get("/")
        val sent = server.seen.map { it.requestHeaders.getFirst("Authorization").removePrefix("Bearer ") }
        assertEquals(listOf("own", "ann", "bob", "ann", "own"), sent)
        client.close()
        assertEquals(Reason.CLOSED, assertThrows(CallException::class.java) { ann.blocking.get("/") }.reason)
    }

    @Test
    fun `a credentials function that suspends works for threads, too`() {
        val server = server { it.answer(200) }
        val client =
            client(server.base) {
                credentials {
                    delay(10)
                    "late"
                }
            }
        repeat(2) { client.blocking.get("/") }
        assertEquals(setOf("Bearer late"), server.seen.map { it.requestHeaders.getFirst("Authorization") }.toSet())
    }

    @Test
    fun `a refresh needs no thread of those that wait for it`() {
        val client = client(server { it.answer(200) }.base) { credentials { Token("t1") } }
        val all = maxOf(64, Runtime.getRuntime().availableProcessors())
        val waited =
            runBlocking {
                List(all) { async(Dispatchers.IO) { client.blocking.get("/") { deadline(20.seconds) }.status } }
                    .map { it.await() }
            }
        assertEquals(setOf(200), waited.toSet())
    }

    @Test
    fun `a name lookup that hangs does not outlast the attempt's time`() {
        val hold = CountDownLatch(1)
        closing += AutoCloseable(hold::countDown)
        val http =
            OkHttpClient.Builder().dns {
                hold.await()
                emptyList()
            }.build()
        val limits = ""","timeouts":{"attempt":"60ms"},"breaker":false"""
        val client = client("http://api.example.com", limits) { okHttp(http) }
        val failed = assertThrows(CallException::class.java) { runBlocking { client.get("/") } }
        assertEquals(Reason.RETRIES_EXHAUSTED, failed.reason)
        assertEquals(Outcome.NOT_SENT, failed.outcome)
    }

    @Test
    fun `a HEAD of something large is no large body`() {
        val server =
            server {
                it.responseHeaders.add("Content-Length", "10000000000")
                it.sendResponseHeaders(200, -1)
            }
        assertEquals("10000000000", client(server.base).blocking.head("/").headers["Content-Length"])
    }

    @Test
    fun `no query value stands in any text, and an endless deadline is none`() {
        val client = client(server { it.answer(404) }.base)
        val failed =
            assertThrows(StatusException::class.java) {
                client.blocking.get("/orders?key=secret") { query("k", "secret").deadline(Duration.INFINITE) }
            }
        assertFalse("secret" in "$failed ${failed.explain()}")
    }

    @Test
    fun `explain works on success`() {
        var first = true
        val server = server { it.answer(if (first) 503.also { first = false } else 200) }
        val answer = client(server.base).blocking.get("/orders/{id}") { path("id", 7) }
        assertTrue(answer.explain().contains("503"), answer.explain())
        assertEquals(answer.explain(), answer.explain())
    }
}
