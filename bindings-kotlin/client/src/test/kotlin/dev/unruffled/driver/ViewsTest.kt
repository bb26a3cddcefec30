package dev.unruffled.driver

import dev.unruffled.ClientOptions
import dev.unruffled.Policy
import dev.unruffled.RawServer
import dev.unruffled.StatusException
import dev.unruffled.Token
import dev.unruffled.Unruffled
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import java.lang.ref.WeakReference
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread

/** A view with credentials of its own ends when it is unreachable and its last call is over. */
class ViewsTest {
    private val closing = mutableListOf<AutoCloseable>()

    /** The action of the server before it answers a request with this token. */
    @Volatile
    private var first: (String) -> Int = { 200 }
    private val server =
        RawServer { connection ->
            while (true) {
                val request = connection.request() ?: break
                connection.answer(first(request.headers["authorization"].orEmpty().removePrefix("Bearer ")))
            }
        }.also { closing += it }
    private val client =
        Unruffled.client(Policy.fromString("""{"baseUrl":"${server.base}","retry":{"base":"10ms"}}""")).also {
            closing += AutoCloseable(it::close)
        }

    @AfterEach
    fun close() = closing.asReversed().forEach { it.close() }

    @Test
    fun `thirty thousand views, each with a call`() {
        val engine = ClientOptions().open(Policy.fromString("{}"))
        val source = Credential.Source({ "t" }, null)
        repeat(30_000) {
            // A program that allocates has collections as often.
            if (it % 1_000 == 0) System.gc()
            val credential = Credential(engine, source, Dispatchers.Unconfined, viewOrigin = "")
            val waiter = engine.beginCall(engine.prepared(credential = credential))
            engine.core.abandon(waiter.id, engine.clock.now())
            engine.leave(waiter)
        }
        engine.close()
    }

    @Test
    fun `more views than credentials fit at once, over real sockets`() {
        repeat(12_000) { number ->
            assertEquals(200, client.withCredentials { "t$number" }.blocking.get("/a").status)
            if (number % 1_000 == 0) assertEquals("Bearer t$number", server.seen.last().headers["authorization"])
            server.seen.clear()
        }
    }

    @Test
    fun `a view that was dropped lives on in its call`() {
        val arrived = CountDownLatch(1)
        val go = CountDownLatch(1)
        first = { token ->
            if (token == "old") {
                arrived.countDown()
                go.await()
            }
            if (token == "old") 401 else 200
        }
        val answer = CompletableFuture<Int>()
        thread(isDaemon = true) {
            val tokens = ArrayDeque(listOf("old", "new"))
            answer.complete(runBlocking { client.withCredentials { Token(tokens.removeFirst()) }.get("/a").status })
        }
        arrived.await()
        collect()
        repeat(100) { assertEquals(200, client.withCredentials { "other" }.blocking.get("/a").status) }
        go.countDown()
        assertEquals(200, answer.get())
        assertEquals("Bearer new", server.seen.last().headers["authorization"])
    }

    @Test
    fun `a view after a dropped one is asked for its own credential, and refreshes it`() {
        first = { token ->
            if (token == "gone") {
                403
            } else if (token == "stale") {
                401
            } else {
                200
            }
        }
        repeat(3) {
            var asked = 0
            assertThrows(StatusException::class.java) { client.withCredentials { Token("gone") }.blocking.get("/a") }
            collect()
            val view = client.withCredentials { Token(if (asked++ == 0) "stale" else "fresh") }
            assertEquals(200, view.blocking.get("/a").status)
            assertEquals(2, asked)
            assertEquals("Bearer fresh", server.seen.last().headers["authorization"])
        }
    }

    /** Runs the collector until it has collected an object that was dropped now. */
    private fun collect() {
        val dropped = WeakReference(Any())
        while (dropped.get() != null) System.gc()
        Thread.yield()
    }
}
