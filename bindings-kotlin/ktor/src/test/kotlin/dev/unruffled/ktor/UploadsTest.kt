package dev.unruffled.ktor

import dev.unruffled.Policy
import dev.unruffled.RawServer
import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.engine.cio.CIO
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.plugins.HttpRedirect
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.plugins.timeout
import io.ktor.client.request.post
import io.ktor.client.request.put
import io.ktor.client.request.setBody
import io.ktor.http.content.OutgoingContent
import io.ktor.utils.io.ByteWriteChannel
import io.ktor.utils.io.writeStringUtf8
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.net.InetAddress
import java.net.ServerSocket

/** Uploads of unknown size within the call's time, and writes that a redirect follows. */
class UploadsTest {
    private class Dripping : OutgoingContent.WriteChannelContent() {
        @Volatile
        var pieces = 0

        override suspend fun writeTo(channel: ByteWriteChannel) {
            while (pieces < MOST) {
                channel.writeStringUtf8("piece")
                channel.flush()
                pieces++
                delay(PACE_MS)
            }
        }
    }

    private val engines: List<(HttpClientConfig<*>.() -> Unit) -> HttpClient> =
        listOf({ set -> HttpClient(CIO) { set() } }, { set -> HttpClient(OkHttp) { set() } })

    private fun each(limits: String, play: suspend (HttpClient) -> Unit) {
        for (make in engines) {
            val client = make {
                install(HttpTimeout)
                install(Unruffled) { policy = Policy.fromString("{$limits}") }
            }
            client.use { runBlocking { withTimeout(PATIENCE_MS) { play(it) } } }
        }
    }

    private suspend fun ends(client: HttpClient, base: String, ownMs: Long?) {
        val body = Dripping()
        val failed =
            runCatching {
                client.put("$base/a") {
                    setBody(body)
                    if (ownMs != null) timeout { requestTimeoutMillis = ownMs }
                }
            }.exceptionOrNull()
        assertTrue(failed != null, "it ended well")
        assertTrue(body.pieces in 4 until MOST / 2, "${body.pieces} pieces: $failed")
    }

    @Test
    fun `an upload without an end ends with the policy's total or the call's own time`() =
        RawServer { connection -> while (connection.request() != null) connection.answer() }.use { server ->
            each(""""timeouts":{"attempt":"300ms","idle":"2s","total":"900ms"}""") { ends(it, server.base, null) }
            each(""""timeouts":{"attempt":"300ms","idle":"2s"}""") { ends(it, server.base, OWN_MS) }
        }

    @Test
    fun `a write whose redirect leads to a closed port is sent once`() {
        val port = ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { it.localPort }
        RawServer { connection ->
            while (connection.request() != null) {
                connection.answer(307, ByteArray(0), "Location: http://127.0.0.1:$port/b")
            }
        }.use { server ->
            for (above in listOf(true, false)) {
                for (make in engines) {
                    server.seen.clear()
                    val client = make {
                        // Ktor's own redirect plugin stands above ours; one that is installed afterwards stands below.
                        followRedirects = above
                        install(Unruffled) { policy = Policy.fromString("""{"retry":{"base":"10ms"}}""") }
                        install(HttpRedirect) { checkHttpMethod = false }
                    }
                    val failed = client.use { runBlocking { runCatching { it.post("${server.base}/a") } } }
                    assertTrue(failed.isFailure, "$failed")
                    assertEquals(1, server.seen.size, "above: $above")
                }
            }
        }
    }

    private companion object {
        const val MOST = 100
        const val PACE_MS = 100L
        const val OWN_MS = 900L
        const val PATIENCE_MS = 20_000L
    }
}
