package dev.unruffled.driver

import dev.unruffled.CallException
import dev.unruffled.ClientOptions
import dev.unruffled.Event
import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.Token
import dev.unruffled.core.Fault
import dev.unruffled.core.plain
import dev.unruffled.http.OkHttpReply
import dev.unruffled.http.nativeRequest
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.StandardTestDispatcher
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.runCurrent
import kotlinx.coroutines.test.runTest
import okhttp3.Request
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import kotlin.coroutines.cancellation.CancellationException

/** The loop over the core's steps, in virtual time. */
@OptIn(ExperimentalCoroutinesApi::class)
class DriverTest {
    private val plainPolicy = """{"retry":{"jitter":"none"}}"""

    private suspend fun Driver<Request, OkHttpReply>.failure(prepared: PreparedCall<Request>): CallException? =
        try {
            run(prepared).failure
        } catch (failed: CallException) {
            failed
        }

    private fun TestScope.live(engine: Engine): Long = (engine.snapshot()["live"] as Long)

    private fun Engine.snapshot(): Map<*, *> = plain(
        kotlinx.serialization.json.Json.parseToJsonElement(core.snapshot(clock.now())),
    ) as Map<*, *>

    @Test
    fun `retries come exactly when the core says`() =
        runTest {
            val engine = engine(plainPolicy)
            val host = Played(this, engine.settings, listOf(Play(503), Play(503), Play(fault = Fault.LOST), Play(200)))
            val ended = Driver(engine, host).run(engine.prepared())
            assertEquals(200, ended.reply.status)
            assertEquals(listOf(0L, 200L, 600L, 1_400L), host.sent.map { it.first })
            assertEquals(0, live(engine))
        }

    @Test
    fun `a call without an answer fails with the native error as its cause`() =
        runTest {
            val engine = engine(plainPolicy)
            val host = Played(this, engine.settings, listOf(Play(fault = Fault.UNSENT)))
            val failed = checkNotNull(Driver(engine, host).failure(engine.prepared("POST")))
            assertEquals(Reason.RETRIES_EXHAUSTED, failed.reason)
            assertEquals(Outcome.NOT_SENT, failed.outcome)
            assertEquals(4, failed.attempts)
            assertEquals("scripted", failed.cause?.message)
            assertTrue(failed.explain().lines().size > 4, failed.explain())
        }

    @Test
    fun `a refused answer keeps its status and says when to come back`() =
        runTest {
            val engine = engine(plainPolicy)
            val host = Played(this, engine.settings, listOf(Play(429, 0, null, "slow", "Retry-After", "3600")))
            val ended = Driver(engine, host).run(engine.prepared())
            val failed = checkNotNull(ended.failure)
            assertEquals(Reason.DEADLINE, failed.reason)
            assertEquals(3_600_000L, failed.retryAfterMs)
            assertEquals(engine.clock.wall() + 3_600_000, failed.retryAt)
            assertEquals("slow", checkNotNull(ended.reply.bytes).decodeToString())
        }

    @Test
    fun `cancelling is effective at once in an attempt and in a wait, and gives everything back`() =
        runTest {
            for (stuck in listOf(Play(afterMs = null), Play(503))) {
                val engine = engine("""{"retry":{"base":"20s"},"concurrency":1}""")
                val host = Played(this, engine.settings, listOf(stuck, Play(200)))
                val driver = Driver(engine, host)
                var seen: Throwable? = null
                val mine = CancellationException("mine")
                val job =
                    launch {
                        try {
                            driver.run(engine.prepared())
                        } catch (cancelled: CancellationException) {
                            seen = cancelled
                            throw cancelled
                        }
                    }
                runCurrent()
                val before = testScheduler.currentTime
                assertEquals(1, host.flying + host.resting)
                job.cancel(mine)
                runCurrent()
                assertEquals(before, testScheduler.currentTime)
                assertSame("mine", seen?.message)
                assertEquals(0, host.flying + host.resting)
                assertEquals(0, live(engine))
                assertEquals(200, driver.run(engine.prepared()).reply.status)
            }
        }

    @Test
    fun `a call parked under the cap goes when the one before it ends or goes away`() =
        runTest {
            val engine = engine("""{"concurrency":1}""")
            val host = Played(this, engine.settings, listOf(Play(200, 100), Play(200, 1_000), Play(200, 10)))
            val driver = Driver(engine, host)
            val first = async { driver.run(engine.prepared()) }
            runCurrent()
            val second = async { driver.run(engine.prepared()) }
            runCurrent()
            val third = async { driver.run(engine.prepared()) }
            first.await()
            runCurrent()
            assertEquals(listOf(0L, 100L), host.sent.map { it.first })
            second.cancel()
            third.await()
            assertEquals(listOf(0L, 100L, 100L), host.sent.map { it.first })
        }

    @Test
    fun `closing ends waits at once and lets what flies deliver`() =
        runTest {
            val engine = engine("""{"retry":{"base":"20s"}}""")
            val waiting = Driver(engine, Played(this, engine.settings, listOf(Play(503))))
            val flying = Driver(engine, Played(this, engine.settings, listOf(Play(200, 500))))
            val failed = async { waiting.failure(engine.prepared()) }
            val answered = async { flying.run(engine.prepared()) }
            delay(10)
            engine.close()
            runCurrent()
            assertEquals(10, testScheduler.currentTime)
            assertTrue(failed.isCompleted)
            assertEquals(Reason.CLOSED, failed.await()?.reason)
            assertEquals(200, answered.await().reply.status)
            assertEquals(Reason.CLOSED, flying.failure(engine.prepared())?.reason)
        }

    @Test
    fun `a hundred calls share one refresh, which outlives the call that leads it`() =
        runTest {
            val engine = engine("{}")
            var asked = 0
            val source =
                Credential.Source(null) {
                    asked++
                    delay(1_000)
                    Token("t$asked", engine.clock.wall() + 3_600_000)
                }
            val credential = Credential(engine, source, StandardTestDispatcher(testScheduler))
            val host = Played(this, engine.settings, listOf(Play(200)))
            val driver = Driver(engine, host)
            val leader = launch { driver.run(engine.prepared(credential = credential)) }
            runCurrent()
            val others = List(99) { async { driver.run(engine.prepared(credential = credential)) } }
            delay(500)
            leader.cancel()
            others.awaitAll()
            assertEquals(1, asked)
            assertEquals(99, host.sent.size)
            assertTrue(host.sent.all { it.second.nativeRequest().header("Authorization") == "Bearer t1" })
            assertEquals(setOf(1_000L), host.sent.map { it.first }.toSet())
        }

    @Test
    fun `the leader of a refresh that never ends heeds its deadline`() =
        runTest {
            val engine = engine("{}")
            val source = Credential.Source(null) { delay(Long.MAX_VALUE).let { Token("never") } }
            val credential = Credential(engine, source, backgroundScope.coroutineContext)
            val driver = Driver(engine, Played(this, engine.settings, listOf(Play(200))))
            val failed = driver.failure(engine.prepared(credential = credential, deadlineMs = 2_000))
            assertEquals(Reason.DEADLINE, failed?.reason)
            assertTrue(testScheduler.currentTime <= 2_000)
        }

    @Test
    fun `one key on every attempt of a call, another for the next`() =
        runTest {
            val engine = engine("""{"idempotency":{"header":"Idempotency-Key","format":"sf-string"}}""")
            val host = Played(this, engine.settings, listOf(Play(503), Play(200), Play(200)))
            val driver = Driver(engine, host)
            repeat(2) { driver.run(engine.prepared("POST")) }
            val keys = host.sent.map { checkNotNull(it.second.nativeRequest().header("Idempotency-Key")) }
            assertEquals(keys[0], keys[1])
            assertFalse(keys[1] == keys[2])
            assertTrue(keys.all { it.matches(Regex("\"[0-9a-f-]{36}\"")) })
        }

    @Test
    fun `settings are those of the route, whatever endpoint stands above it`() =
        runTest {
            val routes = """{"POST /orders":{"idempotency":{"header":"X-Route"}}}"""
            val engine = engine("""{"idempotency":{"header":"X-Api"},"routes":$routes}""")
            for (endpoint in listOf(0, 1, 0x7fff, 0x8000, 0xffff)) {
                for ((route, header) in listOf("X-Api", "X-Route").withIndex()) {
                    val host = Played(this, engine.settings, listOf(Play(200)))
                    Driver(engine, host).run(engine.prepared("POST", target = (endpoint shl 16) or route))
                    val sent = host.sent.single().second
                    assertEquals(route, sent.route)
                    assertEquals(listOf(header), sent.nativeRequest().headers.names().filter { it.startsWith("X-") })
                }
            }
        }

    @Test
    fun `events tell what happened, and a listener that throws disturbs nobody`() =
        runTest {
            val seen = mutableListOf<Event>()
            val options =
                ClientOptions().apply {
                    on { error("listener") }
                    on { seen += it }
                }
            val engine = engine(plainPolicy, options)
            val host = Played(this, engine.settings, listOf(Play(503), Play(200)))
            Driver(engine, host).run(engine.prepared())
            assertEquals(listOf("attempt", "wait", "attempt", "call"), seen.map { it.kind })
            assertEquals(503L, seen[0].values["status"])
            assertNull(seen[0].values["fault"])
            assertTrue(seen[1].toString().contains("ms=200"), seen[1].toString())
        }
}
