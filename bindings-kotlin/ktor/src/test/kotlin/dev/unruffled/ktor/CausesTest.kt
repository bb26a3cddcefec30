package dev.unruffled.ktor

import dev.unruffled.Policy
import dev.unruffled.RawServer
import dev.unruffled.Tls
import dev.unruffled.core.Cause
import dev.unruffled.secure
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.plugins.plugin
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

/** Causes of broken attempts on real engines: one that always comes again is final at once. */
class CausesTest {
    private val closing = mutableListOf<Closeable>()

    @AfterEach
    fun close() = closing.asReversed().forEach { it.close() }

    /** Checks that a call fails on each engine after [attempts], and that its last error says [why]. */
    private fun fails(base: String, why: Cause, attempts: List<String>) {
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
                val seen = mutableListOf<String>()
                client.plugin(Unruffled).on {
                    if (it.kind ==
                        "attempt"
                    ) {
                        seen += "${it.values["fault"] ?: it.values["status"]}"
                    }
                }
                val failed =
                    runCatching {
                        runBlocking {
                            withTimeout(20_000) { client.get("$base/a") }
                        }
                    }.exceptionOrNull()
                val engine = client.engine.javaClass.simpleName
                val causes = generateSequence(failed) { it.cause }.joinToString(" < ")
                assertEquals(attempts, seen, "$engine: $causes")
                assertEquals(why, broken(failed as Exception).why, "$engine: $causes")
            }
        }
    }

    @Test
    fun `a certificate that is not accepted`() {
        for (made in listOf(Tls.selfSigned(), Tls.expired(), Tls.ofAnother())) {
            val server = Tls.server(made).also { closing += it }
            fails(
                server.secure,
                Cause.CERTIFICATE,
                listOf("permanent"),
            )
            assertEquals(2, server.connections.get())
        }
    }

    @Test
    fun `https to a port that speaks http`() {
        val server = RawServer { it.answer(400) }.also { closing += it }
        fails(server.secure, Cause.NO_TLS, listOf("permanent"))
        // Two engines; OkHttp may offer older ciphers on a second connection.
        assertTrue(server.connections.get() in 2..3)
    }

    @Test
    fun `a closed port`() {
        val port = ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { it.localPort }
        fails("http://127.0.0.1:$port", Cause.CONNECTION_REFUSED, listOf("unsent", "unsent"))
    }

    @Test
    fun `a connection that is reset`() {
        val server =
            RawServer {
                it.request()
                it.socket.setSoLinger(true, 0)
                it.socket.close()
            }.also { closing += it }
        fails(server.base, Cause.RESET, listOf("lost", "lost"))
    }
}
