package dev.unruffled.http

import dev.unruffled.CallException
import dev.unruffled.Outcome
import dev.unruffled.RawServer
import dev.unruffled.Tls
import dev.unruffled.core.Cause
import dev.unruffled.scenarios.Ways
import dev.unruffled.secure
import okhttp3.OkHttpClient
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.Closeable
import java.io.IOException
import java.net.InetAddress
import java.net.ServerSocket
import java.net.UnknownHostException

/**
 * Causes of broken attempts on real sockets: one that always comes again is final at once, and the error says what to
 * check.
 */
class CausesTest {
    private val closing = mutableListOf<Closeable>()
    private val trusting =
        OkHttpClient.Builder().sslSocketFactory(Tls.trusting.sslSocketFactory(), Tls.trusting.trustManager).build()

    @AfterEach
    fun close() = closing.asReversed().forEach { it.close() }

    private fun ways(base: String, http: OkHttpClient = trusting): Ways = Ways(base, LIMITS, http).also {
        closing += it
    }

    private fun thrown(way: Ways.Way, method: String = "GET"): IOException =
        try {
            throw AssertionError("${way.name}: status ${way.call(method, "/a")}")
        } catch (failed: IOException) {
            failed
        }

    /** Checks that each way fails with [message] after [attempts]; a single one stands for all attempts. */
    private fun fails(
        base: String,
        message: String,
        attempts: List<String>,
        method: String = "GET",
        outcome: Outcome = Outcome.NOT_SENT,
    ) {
        val ways = ways(base)
        for (way in ways.all) {
            ways.attempts.clear()
            val failed = thrown(way, method)
            assertEquals(attempts, ways.attempts, "${way.name}: $failed")
            val own = generateSequence<Throwable>(failed) { it.cause }.flatMap { it.suppressed.asSequence() + it }
                .filterIsInstance<CallException>().first()
            assertTrue(message in own.message.orEmpty(), "${way.name}: ${own.message}")
            assertEquals(outcome, own.outcome, way.name)
            if (way.isVerb) assertTrue(own.cause is IOException, "${way.name}: ${own.cause}")
            if (!way.isVerb) assertTrue(failed !is CallException, "${way.name} throws what OkHttp throws: $failed")
        }
    }

    private fun secure(certificate: okhttp3.tls.HeldCertificate): RawServer = Tls.server(certificate).also {
        closing +=
            it
    }

    @Test
    fun `a certificate that is not accepted is final, and no breaker opens`() {
        for ((name, made) in listOf(
            "self-signed" to Tls.selfSigned(),
            "expired" to Tls.expired(),
            "wrong name" to Tls.ofAnother(),
        )) {
            val server = secure(made)
            fails(
                server.secure,
                "the server's certificate was not accepted (network, outcome not-sent)",
                listOf("permanent"),
            )
            assertEquals(WAYS, server.connections.get(), name)
        }
        val server = secure(Tls.selfSigned())
        val ways = ways(server.secure)
        repeat(40) { thrown(ways.all[1]) }
        assertEquals(List(40) { "permanent" }, ways.attempts)
    }

    @Test
    fun `a certificate that is accepted is no matter`() {
        val ways = ways(secure(Tls.good()).secure)
        for (way in ways.all) assertEquals(200, way.call("GET", "/a"), way.name)
    }

    @Test
    fun `https to a port that speaks http`() {
        val server = RawServer { it.answer(400) }.also { closing += it }
        fails(server.secure, "the server speaks no TLS at this port (network, outcome not-sent)", listOf("permanent"))
        assertEquals(WAYS, server.connections.get())
    }

    @Test
    fun `a handshake that breaks off may succeed next time`() {
        val server = RawServer { it.socket.close() }.also { closing += it }
        fails(server.secure, "the server ended the connection after 2 attempts", listOf("unsent", "unsent"))
    }

    @Test
    fun `an answer that breaks the protocol, once for each call`() {
        val server =
            RawServer {
                while (it.request() != null) it.write("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello".toByteArray())
            }.also { closing += it }
        val text = "the answer breaks the protocol (network, outcome unknown)"
        fails(server.base, text, listOf("permanent"), "DELETE", Outcome.UNKNOWN)
        assertEquals(WAYS, server.seen.size)
    }

    @Test
    fun `garbage may have been garbled on its way`() {
        val server = RawServer {
            if (it.request() !=
                null
            ) {
                it.write("garbage\r\n\r\n".toByteArray())
            }
        }.also { closing += it }
        fails(
            server.base,
            "the answer breaks the protocol after 2 attempts",
            listOf("lost", "lost"),
            outcome = Outcome.REJECTED,
        )
    }

    @Test
    fun `a closed port`() {
        val port = ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { it.localPort }
        fails("http://127.0.0.1:$port", "the connection was refused after 2 attempts", listOf("unsent", "unsent"))
    }

    @Test
    fun `a host that does not exist is final at an origin that never answered`() =
        fails("http://name.invalid", "the host name was not found (network, outcome not-sent)", listOf("unsent"))

    @Test
    fun `a connection that is reset`() {
        val server =
            RawServer {
                it.request()
                it.socket.setSoLinger(true, 0)
                it.socket.close()
            }.also { closing += it }
        val text = "the server ended the connection after 2 attempts"
        fails(server.base, text, listOf("lost", "lost"), outcome = Outcome.REJECTED)
    }

    @Test
    fun `no way to the host`() {
        // Neither has a route anywhere: a broadcast address of all networks, which TCP does not take.
        val text = "the network has no way to the host after 2 attempts"
        fails("http://255.255.255.255:9", text, listOf("unsent", "unsent"))
    }

    @Test
    fun `what the JVM keeps of a name that could not be looked up tells no more than its first error`() {
        fun of(text: String) = Causes.ofConnecting(UnknownHostException(text))
        assertEquals(Cause.NO_SUCH_NAME, of("a.example: Name or service not known"))
        assertEquals(Cause.NO_SUCH_NAME, of("a.example"))
        assertEquals(Cause.NONE, of("a.example: Temporary failure in name resolution"))
        assertEquals(Cause.NONE, of("a.example"))
        assertEquals(Cause.NO_SUCH_NAME, of("a.example: Name or service not known"))
    }

    @Test
    fun `after a redirect the first request was sent, whatever the second met`() {
        val bad = secure(Tls.selfSigned())
        val server =
            RawServer {
                while (it.request() != null) it.answer(303, ByteArray(0), "Location: ${bad.secure}/b")
            }.also { closing += it }
        // The verbs follow no redirect from http to https; a plain OkHttp client does.
        val ways = ways(server.base)
        for (way in ways.all.filterNot { it.isVerb }) {
            ways.attempts.clear()
            val failed = thrown(way, "POST")
            assertEquals(listOf("permanent"), ways.attempts, "${way.name}: $failed")
            assertTrue("outcome unknown" in failed.suppressed.joinToString { it.message.orEmpty() }, way.name)
        }
        assertEquals(3, server.seen.size)
    }

    private companion object {
        const val LIMITS = """"retry":{"attempts":2,"base":"10ms"}"""
        const val WAYS = 5
    }
}
