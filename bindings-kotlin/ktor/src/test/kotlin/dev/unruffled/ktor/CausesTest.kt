package dev.unruffled.ktor

import dev.unruffled.Policy
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.plugins.plugin
import io.ktor.client.request.delete
import io.ktor.client.request.get
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.Closeable
import java.net.InetAddress
import java.net.ServerSocket

/** Why an attempt broke on real engines: what can never succeed is final at once. */
class CausesTest {
    private val closing = mutableListOf<Closeable>()

    @AfterEach
    fun close() = closing.asReversed().forEach { it.close() }

    /** On each engine a call fails, and its attempts were [attempts]; the account says [told]. */
    private fun fails(base: String, told: String, attempts: List<String>, delete: Boolean = false) {
        val policy = Policy.fromString("""{"retry":{"attempts":2,"base":"10ms"}}""")
        val engines =
            listOf(
                HttpClient(CIO) {
                    install(Unruffled) { this.policy = policy }
                    engine { https { trustManager = Tls.trusting.trustManager } }
                },
                HttpClient(OkHttp) {
                    install(Unruffled) { this.policy = policy }
                    engine { config { sslSocketFactory(Tls.trusting.sslSocketFactory(), Tls.trusting.trustManager) } }
                },
            )
        for (client in engines) {
            client.use {
                val plugin = client.plugin(Unruffled)
                val seen = mutableListOf<String>()
                plugin.on { if (it.kind == "attempt") seen += "${it.values["fault"] ?: it.values["status"]}" }
                val failed =
                    runCatching {
                        runBlocking { withTimeout(20_000) { if (delete) client.delete("$base/a") else client.get("$base/a") } }
                    }.exceptionOrNull()
                val engine = client.engine.javaClass.simpleName
                val causes = generateSequence(failed) { it.cause }.joinToString(" < ")
                assertEquals(attempts, seen, "$engine: $causes")
                val message = failed?.let { own(it) }.orEmpty()
                assertTrue(told in message, "$engine: $message; $causes")
            }
        }
    }

    private fun own(failed: Throwable): String? =
        generateSequence(failed) { it.cause }.flatMap { it.suppressed.asSequence() + it }
            .filterIsInstance<dev.unruffled.CallException>().firstOrNull()?.message

    @Test
    fun `a certificate that is not accepted`() {
        for (made in listOf(Tls.selfSigned(), Tls.expired(), Tls.ofAnother())) {
            val server = Tls.server(made).also { closing += it }
            fails(server.secure, "the server's certificate was not accepted (network, outcome not-sent)", listOf("permanent"))
            assertEquals(2, server.connections.get())
        }
    }

    @Test
    fun `https to a port that speaks http`() {
        val server = RawServer { it.answer(400) }.also { closing += it }
        fails(server.secure, "the server speaks no TLS at this port (network, outcome not-sent)", listOf("permanent"))
        assertEquals(2, server.connections.get())
    }

    @Test
    fun `a closed port`() {
        val port = ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { it.localPort }
        fails("http://127.0.0.1:$port", "the connection was refused after 2 attempts", listOf("unsent", "unsent"))
    }

    @Test
    fun `a connection that is reset`() {
        val server =
            RawServer {
                it.request()
                it.socket.setSoLinger(true, 0)
                it.socket.close()
            }.also { closing += it }
        fails(server.base, "the server ended the connection after 2 attempts", listOf("lost", "lost"))
    }
}
