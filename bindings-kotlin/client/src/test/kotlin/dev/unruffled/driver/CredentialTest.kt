package dev.unruffled.driver

import dev.unruffled.ApiResponse
import dev.unruffled.CallException
import dev.unruffled.Client
import dev.unruffled.ClientOptions
import dev.unruffled.Need
import dev.unruffled.Outcome
import dev.unruffled.Policy
import dev.unruffled.PolicyOptions
import dev.unruffled.RawServer
import dev.unruffled.Reason
import dev.unruffled.StatusException
import dev.unruffled.Token
import dev.unruffled.Unruffled
import dev.unruffled.Why
import dev.unruffled.core.CallFlags
import dev.unruffled.core.CallTrait
import dev.unruffled.core.StepKind
import dev.unruffled.core.StepWord
import dev.unruffled.http.Blocking
import dev.unruffled.http.Transport
import dev.unruffled.http.onThisThread
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.system.measureTimeMillis

/** Every call of a credentials function: it has a time limit, and its failure is `auth` with nothing sent. */
class CredentialTest {
    private val closing = mutableListOf<AutoCloseable>()

    /** Accepts the tokens of [valid]. */
    private var valid = setOf("t1")
    private val server =
        RawServer { connection ->
            while (true) {
                val request = connection.request() ?: break
                val good = request.headers["authorization"]?.removePrefix("Bearer ") in valid
                connection.answer(if (good) 200 else 401)
            }
        }.also { closing += it }

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun client(configure: ClientOptions.() -> Unit): Client {
        val limits = """"retry":{"base":"10ms"},"timeouts":{"attempt":"300ms","total":"5s"}"""
        val policy = """{"baseUrl":"${server.base}",$limits}"""
        return Unruffled.client(Policy.fromString(policy), configure).also { closing += AutoCloseable(it::close) }
    }

    private fun both(client: Client): List<() -> ApiResponse> =
        listOf({ runBlocking { client.get("/a") } }, { client.blocking.get("/a") })

    private fun <T> broken(): T = error("no vault")

    private suspend fun <T> endless(): T = awaitCancellation()

    /** Checks that each call from number [from] on fails as `auth`, in time, and sends nothing. */
    private fun refused(from: Int, pauseMs: Long = 0, configure: ClientOptions.(asked: AtomicInteger) -> Unit) {
        for (blocking in listOf(0, 1)) {
            val asked = AtomicInteger()
            val call = both(client { configure(asked) })[blocking]
            repeat(from) { assertEquals(200, call().status) }
            Thread.sleep(pauseMs)
            server.seen.clear()
            val took =
                measureTimeMillis {
                    val failed = assertThrows(CallException::class.java) { call() }
                    assertEquals(Reason.AUTH, failed.reason, failed.explain())
                    assertEquals(Outcome.NOT_SENT, failed.outcome, failed.explain())
                    assertTrue(failed.cause != null && "credential" in failed.message.orEmpty(), "$failed")
                }
            assertTrue(took < 3_000, "$took ms")
            assertTrue(server.seen.isEmpty())
        }
    }

    @Test
    fun `a plain one that fails, at the first ask and later`() {
        refused(0) { credentials { broken<String>() } }
        refused(2) { asked -> credentials { if (asked.incrementAndGet() > 2) broken<String>() else "t1" } }
    }

    @Test
    fun `a plain one that does not end, at the first ask and later`() {
        refused(0) { credentials { endless<String>() } }
        refused(2) { asked -> credentials { if (asked.incrementAndGet() > 2) endless<String>() else "t1" } }
    }

    @Test
    fun `one that blocks its thread is bounded where threads are usual`() {
        val never = CountDownLatch(1)
        val asked = AtomicInteger()
        val client =
            client {
                credentials {
                    if (asked.incrementAndGet() > 1) never.await()
                    "t1"
                }
            }
        assertEquals(200, client.blocking.get("/a").status)
        assertEquals(Reason.AUTH, assertThrows(CallException::class.java) { client.blocking.get("/a") }.reason)
    }

    @Test
    fun `a kept one that fails or does not end, at the first ask and later`() {
        refused(0) { credentials { broken<Token>() } }
        refused(0) { credentials { endless<Token>() } }
        refused(1, pauseMs = 600) { asked ->
            credentials {
                if (asked.incrementAndGet() >
                    1
                ) {
                    endless<Token>()
                } else {
                    Token("t1", System.currentTimeMillis() + 500)
                }
            }
        }
    }

    @Test
    fun `one whose own time limit strikes has failed, and nobody was cancelled`() =
        refused(1) { asked ->
            credentials { if (asked.incrementAndGet() > 1) withTimeout(20) { endless<String>() } else "t1" }
        }

    @Test
    fun `an empty one is refused`() {
        refused(0) { credentials { "" } }
        refused(0) { credentials { Token(" ") } }
    }

    @Test
    fun `a refresh that comes late does not take the place of a newer token`() {
        val engine = PolicyOptions().open(Policy.fromString("""{"baseUrl":"${server.base}"}"""))
        closing += AutoCloseable(engine::close)
        val slow = CountDownLatch(1)
        val asked = AtomicInteger()
        val source = Credential.Source(null) {
            if (asked.incrementAndGet() ==
                1
            ) {
                Token("old").also { slow.await() }
            } else {
                Token("new")
            }
        }
        val credential = Credential(engine, source, Dispatchers.IO)
        val what = CallFlags.of("GET", CallTrait.REPEATABLE or CallTrait.CREDENTIALS)
        // The first leader's lease runs out, another one leads: the core then knows a newer generation.
        val first = engine.core.begin(0, 0, 0, 0, what, 0)
        assertEquals(StepKind.REFRESH, StepWord.kind(first))
        credential.refresh(first, 0) {}
        until { asked.get() == 1 }
        val second = engine.core.begin(1, 61_000, 0, 0, what, 0)
        assertEquals(StepKind.REFRESH, StepWord.kind(second))
        val host = Blocking(Transport(null, engine.settings), engine.clock)
        credential.refresh(second, 0) {}
        until { asked.get() == 2 && StepWord.kind(engine.core.resume(1, 61_001)) == StepKind.SEND }
        slow.countDown()
        until { onThisThread { runCatching { credential.now(host, 0) }.isSuccess } }
        repeat(20) {
            Thread.sleep(5)
            assertEquals("new", onThisThread { credential.now(host, 0) })
        }
    }

    @Test
    fun `a token that no header can carry is no credential`() {
        refused(0) { credentials { "a\nb" } }
        refused(0) { credentials { Token("a\nb") } }
    }

    private class Moved : Clock {
        @Volatile
        var ms = 0L

        override fun now(): Long = ms

        override fun wall(): Long = 1_767_225_600_000L + ms
    }

    @Test
    fun `the function is told why it is asked`() {
        for (blocking in listOf(0, 1)) {
            val clock = Moved()
            val told = CopyOnWriteArrayList<String>()
            val options =
                ClientOptions().apply {
                    credentialsFor { need ->
                        told += need.why.text
                        Token("t${told.size}", clock.wall() + 60_000)
                    }
                }
            val client = Client.of(options.open(Policy.fromUrl(server.base), clock), options)
            closing += AutoCloseable(client::close)
            val call = both(client)[blocking]
            valid = setOf("t1", "t2")
            repeat(2) { assertEquals(200, call().status) }
            assertEquals(listOf("first"), told)
            clock.ms = 61_000
            repeat(2) { assertEquals(200, call().status) }
            assertEquals(listOf("first", "expired"), told)
            valid = setOf("t3", "t4")
            repeat(2) { assertEquals(200, call().status) }
            assertEquals(listOf("first", "expired", "refused"), told)
            val view = client.withCredentialsFor { need -> Token("t4").also { told += need.why.text } }
            assertEquals(200, both(view)[blocking]().status)
            assertEquals(listOf("first", "expired", "refused", "first"), told)
        }
    }

    private fun sent(): List<String?> = server.seen.map { it.headers["authorization"] }

    @Test
    fun `a token is renewed beside the calls, which go on with the held one`() {
        for (blocking in listOf(0, 1)) {
            server.seen.clear()
            val clock = Moved()
            val asked = AtomicInteger()
            val answer = CountDownLatch(1)
            val options =
                ClientOptions().apply {
                    credentialsFor { need ->
                        val count = asked.incrementAndGet()
                        if (need.why == Why.EXPIRED) answer.await()
                        Token("t$count", clock.wall() + 3_600_000)
                    }
                }
            val engine = options.open(Policy.fromUrl(server.base), clock)
            val client = Client.of(engine, options)
            closing += AutoCloseable(client::close)
            val call = both(client)[blocking]
            valid = setOf("t1", "t2")
            assertEquals(200, call().status)
            // 15 s before the end: renewed in any case, and no call waits yet.
            clock.ms = 3_585_000
            repeat(2) { assertEquals(200, call().status) }
            until { asked.get() == 2 }
            answer.countDown()
            until { call().status == 200 && sent().last() == "Bearer t2" }
            assertEquals(List(3) { "Bearer t1" }, sent().take(3))
            assertEquals(2, asked.get())
        }
    }

    @Test
    fun `a renewal that fails leaves the token`() {
        for (blocking in listOf(0, 1)) {
            server.seen.clear()
            val clock = Moved()
            val asked = AtomicInteger()
            val options =
                ClientOptions().apply {
                    credentialsFor { need ->
                        asked.incrementAndGet()
                        if (need.why == Why.EXPIRED) broken<Token>()
                        Token("t1", clock.wall() + 3_600_000)
                    }
                }
            val client = Client.of(options.open(Policy.fromUrl(server.base), clock), options)
            closing += AutoCloseable(client::close)
            val call = both(client)[blocking]
            valid = setOf("t1")
            assertEquals(200, call().status)
            clock.ms = 3_595_000
            repeat(5) { assertEquals(200, call().status) }
            assertEquals(2, asked.get())
            assertEquals(List(6) { "Bearer t1" }, sent())
        }
    }

    @Test
    fun `a refused token that is given again ends the call with that answer`() {
        for (blocking in listOf(0, 1)) {
            server.seen.clear()
            valid = setOf()
            val asked = AtomicInteger()
            val call =
                both(
                    client {
                        credentialsFor {
                            asked.incrementAndGet()
                            Token("same", System.currentTimeMillis() + 3_600_000)
                        }
                    },
                )[blocking]
            repeat(3) { assertThrows(StatusException::class.java) { call() } }
            assertEquals(2, asked.get())
            assertEquals(List(3) { "Bearer same" }, sent())
        }
    }

    private object Vault {
        fun text() = "t1"

        suspend fun token() = yield().let { Token("t1") }

        fun tokenFor(need: Need) = Token("t1").also { check(need.why == Why.FIRST) }
    }

    /** Each of these has to compile with every Kotlin from 2.1 on. */
    @Test
    fun `every form of a function is taken`() {
        val text: suspend () -> String = { "t1" }
        val token: suspend () -> Token = { Token("t1") }
        val forms =
            listOf<ClientOptions.() -> Unit>(
                { credentials { "t1" } },
                { credentials { Token("t1") } },
                { credentials(text) },
                { credentials(token) },
                { credentials(Vault::text) },
                { credentials(Vault::token) },
                { credentialsFor { Token("t1") } },
                { credentialsFor { need -> Vault.tokenFor(need) } },
                { credentialsFor(Vault::tokenFor) },
            )
        for (form in forms) for (call in both(client(form))) assertEquals(200, call().status)
    }

    private fun until(done: () -> Boolean) {
        val end = System.nanoTime() + 10_000_000_000L
        while (!done()) {
            check(System.nanoTime() < end) { "it did not happen" }
            Thread.sleep(2)
        }
    }

    @Test
    fun `on a virtual clock waits take no time and sockets take theirs`() {
        val answers = AtomicInteger()
        val server =
            RawServer { connection ->
                while (true) {
                    connection.request() ?: break
                    Thread.sleep(20)
                    connection.answer(if (answers.incrementAndGet() % 3 == 0) 200 else 503)
                }
            }.also { closing += it }
        val client =
            Unruffled.client(
                Policy.fromString("""{"baseUrl":"${server.base}","retry":{"base":"2s"},"timeouts":{"total":"60s"}}"""),
            ) {
                credentials { Token("t1").also { Thread.sleep(50) } }
            }
        closing += AutoCloseable(client::close)
        val cpu = java.lang.management.ManagementFactory.getThreadMXBean()
        runTest {
            val before = cpu.currentThreadCpuTime
            val begun = System.nanoTime()
            // Two calls wait for one refresh.
            val calls = List(2) { async { client.get("/a").status } }
            assertEquals(listOf(200, 200), calls.map { it.await() })
            assertTrue(testScheduler.currentTime >= 4_000, "${testScheduler.currentTime}")
            assertTrue(System.nanoTime() - begun < 3_000_000_000L)
            assertTrue(cpu.currentThreadCpuTime - before < 1_500_000_000L)
        }
    }
}
