package dev.unruffled.ktor

import dev.unruffled.CallException
import dev.unruffled.Reason
import io.ktor.client.plugins.ServerResponseException
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.get
import io.ktor.client.request.header
import io.ktor.client.request.post
import io.ktor.client.request.prepareGet
import io.ktor.client.request.request
import io.ktor.client.request.setBody
import io.ktor.client.request.takeFrom
import io.ktor.client.statement.bodyAsText
import io.ktor.client.statement.request
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.runCurrent
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.net.SocketTimeoutException
import kotlin.coroutines.cancellation.CancellationException

/** Results of calls through the plugin, in virtual time. */
@OptIn(ExperimentalCoroutinesApi::class)
class PluginTest {
    @Test
    fun `attempts come exactly when the core says, and the last answer is Ktor's own`() =
        runTest {
            val mocked = Mocked(this, PLAIN, answer(503), { throw IOException("reset") }, answer(200, "ok", "X", "y"))
            val response = mocked.client.get(URL)
            assertEquals(listOf(0L, 200L, 600L), mocked.times)
            assertEquals(200, response.status.value)
            assertEquals("y", response.headers["X"])
            assertEquals("ok", response.bodyAsText())
            assertEquals(0L, mocked.live)
            assertTrue(mocked.unruffled.explain(response).lines().size > 3, mocked.unruffled.explain(response))
        }

    @Test
    fun `an answer of any status is returned, whole, after what the policy allows`() =
        runTest {
            for (streamed in listOf(false, true)) {
                val mocked = Mocked(this, PLAIN, answer(503, "down"))
                val got =
                    if (streamed) {
                        mocked.client.prepareGet(URL).execute { "${it.status.value} ${it.bodyAsText()}" }
                    } else {
                        mocked.client.get(URL).let { "${it.status.value} ${it.bodyAsText()}" }
                    }
                assertEquals("503 down", got)
                assertEquals(4, mocked.sent.size)
            }
            val mocked = Mocked(this, PLAIN, answer(404, "none"))
            assertEquals("none", mocked.client.get(URL).bodyAsText())
            assertEquals(1, mocked.sent.size)
        }

    @Test
    fun `an answer that was kept over a wait can still be read`() =
        runTest {
            for (streamed in listOf(false, true)) {
                val mocked = Mocked(this, PLAIN, answer(503, "later", "Retry-After", "1"))
                // Closed in the wait: the core hands over what it has.
                launch {
                    delay(500)
                    mocked.unruffled.close()
                }
                val got =
                    if (streamed) {
                        mocked.client.prepareGet(URL).execute { it.bodyAsText() }
                    } else {
                        mocked.client.get(URL).bodyAsText()
                    }
                assertEquals("later", got)
            }
        }

    @Test
    fun `expectSuccess judges the last answer alone`() =
        runTest {
            val mocked =
                Mocked(this, PLAIN, answer(503), answer(503), answer(503), answer(503), answer(200)) {
                    expectSuccess = true
                    install(it)
                }
            thrown<ServerResponseException> { mocked.client.get(URL) }
            assertEquals(4, mocked.sent.size)
            assertEquals(200, mocked.client.get(URL).status.value)
        }

    @Test
    fun `the last native error is thrown again and tells how it came to that`() =
        runTest {
            val mocked = Mocked(this, PLAIN, { throw IOException("reset") })
            val error = thrown<IOException> { mocked.client.get(URL) }
            assertFalse(error is CallException)
            assertEquals("reset", error.message)
            assertEquals(4, mocked.sent.size)
            assertTrue(mocked.unruffled.explain(error).lines().size > 4, mocked.unruffled.explain(error))
        }

    @Test
    fun `where nothing was sent it is a CallException, or a time-out with it as its cause`() =
        runTest {
            val policy =
                """{"retry":{"attempts":1},"breaker":{"minimumCalls":2,"run":2,"wait":0},"timeouts":{"total":"1s"},"concurrency":1}"""
            val open = Mocked(this, policy, answer(503))
            repeat(3) {
                open.client.get(URL)
                delay(600)
            }
            val refused = thrown<CallException> { open.client.get(URL) }
            assertEquals(Reason.CIRCUIT_OPEN, refused.reason)
            assertEquals(3, open.sent.size)

            val busy = Mocked(this, policy, { awaitCancellation() })
            val first = launch { busy.client.get(URL) }
            runCurrent()
            val late = thrown<SocketTimeoutException> { busy.client.get(URL) }
            assertTrue("timed out" in late.message.orEmpty(), late.message)
            assertEquals(Reason.DEADLINE, (late.cause as CallException).reason)
            first.cancel()
        }

    @Test
    fun `an endpoint that fails does not hold back another of its origin`() =
        runTest {
            val policy = """{"retry":{"attempts":1},"breaker":{"minimumCalls":2,"run":2,"wait":0}}"""
            val mocked =
                Mocked(this, policy, { answer(if (it.url.encodedPath.startsWith("/broken/")) 503 else 200)(it) })
            val base = "https://api.example.com"
            repeat(3) {
                assertEquals(503, mocked.client.get("$base/broken/$it").status.value)
                delay(600)
            }
            val refused = thrown<CallException> { mocked.client.get("$base/broken/3") }
            assertEquals(Reason.CIRCUIT_OPEN, refused.reason)
            assertEquals(200, mocked.client.get("$base/well/3").status.value)
        }

    @Test
    fun `cancelling is effective at once in an attempt and in a wait, and passes untouched`() =
        runTest {
            for (stuck in listOf<Handler>({ awaitCancellation() }, answer(503, "", "Retry-After", "30"))) {
                val mocked = Mocked(this, """{"concurrency":1}""", stuck, answer(200))
                val seen = CompletableDeferred<Throwable>()
                val job =
                    launch {
                        try {
                            mocked.client.get(URL)
                        } catch (cancelled: CancellationException) {
                            seen.complete(cancelled)
                            throw cancelled
                        }
                    }
                runCurrent()
                val before = testScheduler.currentTime
                job.cancel(CancellationException("mine"))
                runCurrent()
                assertEquals("mine", seen.await().message)
                assertEquals(before, testScheduler.currentTime)
                assertEquals(0L, mocked.live)
                assertEquals(200, mocked.client.get(URL).status.value)
            }
        }

    @Test
    fun `a time limit of the caller's is his, not an attempt's`() =
        runTest {
            val mocked = Mocked(this, """{"timeouts":{"attempt":"5s"}}""", { awaitCancellation() })
            thrown<TimeoutCancellationException> { withTimeout(1_000) { mocked.client.get(URL) } }
            assertEquals(1_000L, testScheduler.currentTime)
            assertEquals(1, mocked.sent.size)
        }

    @Test
    fun `no header is added but the idempotency key, the same on every attempt`() =
        runTest {
            val policy =
                """{"retry":{"jitter":"none"},"headers":{"X-Policy":"1"},"idempotency":{"header":"Idempotency-Key"}}"""
            val bare = Mocked(this, PLAIN, answer(200)) { }
            bare.client.post(URL) { setBody("a") }
            val mocked = Mocked(this, policy, answer(503), answer(200))
            repeat(2) { mocked.client.post(URL) { setBody("a") } }
            val keys = mocked.sent.map { checkNotNull(it.second.headers["Idempotency-Key"]) }
            assertEquals(keys[0], keys[1])
            assertFalse(keys[1] == keys[2])
            assertEquals(bare.sent[0].second.headers.names() + "Idempotency-Key", mocked.sent[0].second.headers.names())
            mocked.client.post(URL) {
                header("Idempotency-Key", "own")
                setBody("a")
            }
            assertEquals(listOf("own"), mocked.sent.last().second.headers.getAll("Idempotency-Key"))
        }

    @Test
    fun `a write without a key whose answer is lost is not sent again`() =
        runTest {
            val mocked = Mocked(this, PLAIN, { throw IOException("reset") })
            thrown<IOException> { mocked.client.post(URL) { setBody("a") } }
            assertEquals(1, mocked.sent.size)
        }

    @Test
    fun `a connection that changes its protocol is left alone`() =
        runTest {
            val mocked = Mocked(this, PLAIN, answer(503))
            mocked.client.get("wss://api.example.com/socket")
            assertEquals(1, mocked.sent.size)
            assertEquals(emptyList<Any>(), mocked.events)
        }

    @Test
    fun `whoever retries above is noticed, and one attempt is made`() =
        runTest {
            val mocked = Mocked(this, PLAIN, answer(503))
            mocked.client.get(URL) { header("x-stainless-retry-count", "1") }
            assertEquals(1, mocked.sent.size)
            assertEquals(1, mocked.events.count { it.kind == "stacked" })
            mocked.client.get(URL) { header("x-stainless-retry-count", "0") }
            assertEquals(5, mocked.sent.size)
        }

    @Test
    fun `an unruffled above is noticed, but not in the request of an answer that is over`() =
        runTest {
            val below = Mocked(this, PLAIN, answer(503))
            val above =
                Mocked(this, """{"retry":{"attempts":2}}""", { request ->
                    answer(below.client.request(HttpRequestBuilder().takeFrom(request)).status.value)(request)
                })
            val response = above.client.get(URL)
            assertEquals(2, above.sent.size)
            assertEquals(2, below.sent.size)
            assertEquals(2, below.events.count { it.kind == "stacked" })
            below.client.request(HttpRequestBuilder().takeFrom(response.request))
            assertEquals(6, below.sent.size)
        }
}
