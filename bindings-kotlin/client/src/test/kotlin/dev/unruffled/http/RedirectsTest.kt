package dev.unruffled.http

import dev.unruffled.RawServer
import dev.unruffled.scenarios.Ways
import okhttp3.OkHttpClient
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.Closeable
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Socket
import java.util.concurrent.atomic.AtomicInteger

/** Answers after a redirect that OkHttp followed: they are of another request, perhaps of another server. */
class RedirectsTest {
    private val closing = mutableListOf<Closeable>()

    @AfterEach
    fun close() = closing.asReversed().forEach { it.close() }

    private fun server(answer: RawServer.Connection.(path: String) -> Unit): RawServer =
        RawServer { connection ->
            while (true) {
                val request = connection.request() ?: break
                connection.answer(request.line.split(' ')[1])
            }
        }.also { closing += it }

    private fun ways(base: String, limits: String = """"retry":{"base":"10ms"}"""): Ways =
        Ways(base, limits, OkHttpClient()).also { closing += it }

    private fun RawServer.lines(): List<String> = seen.map { it.line.substringBeforeLast(' ') }

    @Test
    fun `a write that was answered by a redirect is not sent again`() {
        val server =
            server { path ->
                if (path ==
                    "/a"
                ) {
                    answer(303, ByteArray(0), "Location: /b")
                } else {
                    answer(429, ByteArray(0), "Retry-After: 1")
                }
            }
        for (number in 0 until WAYS) {
            // Each origin has limits of its own: the 429 counts for the one that answered.
            val way = ways(server.base).all[number]
            server.seen.clear()
            assertEquals(429, way.call("POST", "/a"), way.name)
            assertEquals(listOf("POST /a", "GET /b"), server.lines(), way.name)
        }
    }

    @Test
    fun `a read is sent again`() {
        val asked = AtomicInteger()
        val server =
            server { path ->
                if (path ==
                    "/a"
                ) {
                    answer(302, ByteArray(0), "Location: /b")
                } else {
                    answer(
                        if (asked.getAndIncrement() ==
                            0
                        ) {
                            503
                        } else {
                            200
                        },
                    )
                }
            }
        for (way in ways(server.base).all) {
            asked.set(0)
            server.seen.clear()
            assertEquals(200, way.call("GET", "/a"), way.name)
            assertEquals(listOf("GET /a", "GET /b", "GET /a", "GET /b"), server.lines(), way.name)
        }
    }

    @Test
    fun `another origin's failures open no breaker of the first`() {
        val other = server { answer(503) }
        val server =
            server { path ->
                if (path == "/a") answer(302, ByteArray(0), "Location: ${other.base}/b") else answer()
            }
        for (number in 0 until WAYS) {
            val own = ways(server.base, """"retry":{"attempts":1},"breaker":{"wait":0}""")
            val way = own.all[number]
            repeat(40) { assertEquals(503, way.call("GET", "/a"), way.name) }
            assertEquals(200, way.call("GET", "/fine"), way.name)
        }
    }

    /** Redirects to another origin whose port is closed, and to the same origin whose port closes afterwards. */
    @Test
    fun `a write whose redirect leads to a closed port arrived, and is sent once`() {
        // Bound and not listening: no server of this test may get the port.
        val closed = Socket().apply { bind(InetSocketAddress(InetAddress.getLoopbackAddress(), 0)) }.also { closing += it }
        for (number in 0 until WAYS) {
            for (location in listOf("http://127.0.0.1:${closed.localPort}/b", "/b")) {
                lateinit var listening: RawServer
                listening =
                    RawServer { connection ->
                        connection.request()
                        if (location == "/b") listening.close()
                        connection.answer(303, ByteArray(0), "Location: $location", "Connection: close")
                    }.also { closing += it }
                val own = ways(listening.base)
                val way = own.all[number]
                val failed = assertThrows(Exception::class.java, { way.call("POST", "/a") }, way.name)
                assertEquals(listOf("POST /a"), listening.lines(), way.name)
                assertEquals(listOf("lost"), own.attempts, way.name)
                val said = (listOf(failed) + failed.suppressed).joinToString { it.message.orEmpty() }
                assertTrue("outcome unknown" in said, "${way.name}: $said")
            }
        }
    }

    private companion object {
        const val WAYS = 5
    }
}
