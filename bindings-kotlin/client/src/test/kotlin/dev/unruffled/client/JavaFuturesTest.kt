package dev.unruffled.client

import dev.unruffled.ApiResponse
import dev.unruffled.JavaClient
import dev.unruffled.RawServer
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit

/**
 * Futures of the client for Java: a future that is completed ends its call, and the server sees its connection close.
 */
class JavaFuturesTest {
    private val arrived = Semaphore(0)
    private val closed = Semaphore(0)

    /** Answers every request except those for `/silent`. */
    private val server =
        RawServer { connection ->
            while (true) {
                val request = connection.request() ?: break
                if ("/silent" in request.line) arrived.release() else connection.answer(200, ByteArray(0))
            }
            closed.release()
        }
    private val client = JavaClient.builder(server.base).build()

    @AfterEach
    fun close() {
        client.close()
        server.close()
    }

    private fun ends(complete: (CompletableFuture<ApiResponse>) -> Unit) {
        val future = client.getAsync("/silent")
        assertTrue(arrived.tryAcquire(PATIENCE_S, TimeUnit.SECONDS))
        assertEquals(0, closed.availablePermits())
        complete(future)
        assertTrue(closed.tryAcquire(PATIENCE_S, TimeUnit.SECONDS), "the call goes on")
        assertEquals(0, arrived.availablePermits())
    }

    @Test
    fun `a cancelled one`() = ends { it.cancel(true) }

    @Test
    fun `one whose time is up`() = ends { it.orTimeout(1, TimeUnit.MILLISECONDS) }

    @Test
    fun `every verb has one`() {
        client.headAsync("/a").get(PATIENCE_S, TimeUnit.SECONDS)
        client.patchAsync("/a").get(PATIENCE_S, TimeUnit.SECONDS)
        assertEquals(listOf("HEAD /a", "PATCH /a"), server.seen.map { it.line.substringBeforeLast(' ') })
    }

    private companion object {
        /** Less than the attempt's own time. */
        const val PATIENCE_S = 5L
    }
}
