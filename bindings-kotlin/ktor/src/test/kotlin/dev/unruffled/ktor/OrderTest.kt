package dev.unruffled.ktor

import io.ktor.client.plugins.HttpRequestRetry
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.client.plugins.HttpSend
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.plugins.HttpTimeoutCapability
import io.ktor.client.plugins.SendCountExceedException
import io.ktor.client.plugins.auth.Auth
import io.ktor.client.plugins.auth.AuthConfig
import io.ktor.client.plugins.auth.providers.BearerTokens
import io.ktor.client.plugins.auth.providers.bearer
import io.ktor.client.plugins.retry
import io.ktor.client.plugins.timeout
import io.ktor.client.request.get
import io.ktor.client.request.prepareGet
import io.ktor.client.statement.bodyAsText
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The plugin beside Ktor's own plugins, before them and after them. */
@OptIn(ExperimentalCoroutinesApi::class)
class OrderTest {
    private val stuck: Handler = { awaitCancellation() }

    @Test
    fun `HttpTimeout after it limits each attempt, which is tried again`() =
        runTest {
            val mocked =
                Mocked(this, PLAIN, stuck, stuck, answer(200)) {
                    install(it)
                    install(HttpTimeout) { requestTimeoutMillis = 1_000 }
                }
            assertEquals(200, mocked.client.get(URL).status.value)
            assertEquals(listOf(0L, 1_200L, 2_600L), mocked.times)
        }

    @Test
    fun `HttpTimeout after it throws its own error in the end`() =
        runTest {
            val mocked =
                Mocked(this, """{"retry":{"attempts":2}}""", stuck) {
                    install(it)
                    install(HttpTimeout) { requestTimeoutMillis = 1_000 }
                }
            thrown<HttpRequestTimeoutException> { mocked.client.get(URL) }
            assertEquals(2, mocked.sent.size)
            assertEquals(0L, mocked.live)
        }

    @Test
    fun `HttpTimeout before it limits the whole call, an attempt and a wait alike`() =
        runTest {
            for (first in listOf(stuck, answer(503, "", "Retry-After", "30"))) {
                val begun = testScheduler.currentTime
                val mocked =
                    Mocked(this, PLAIN, first) {
                        install(HttpTimeout) { requestTimeoutMillis = 1_000 }
                        install(it)
                    }
                thrown<HttpRequestTimeoutException> { mocked.client.get(URL) }
                assertEquals(1_000L, testScheduler.currentTime - begun)
                assertEquals(1, mocked.sent.size)
                assertEquals(0L, mocked.live)
            }
        }

    @Test
    fun `a written attempt limit is tried again and ends as Ktor's own`() =
        runTest {
            val policy = """{"retry":{"jitter":"none","attempts":2},"timeouts":{"attempt":"1s"}}"""
            val mocked = Mocked(this, policy, stuck)
            val late = thrown<HttpRequestTimeoutException> { mocked.client.get("$URL?secret=1") }
            assertEquals(listOf(0L, 1_200L), mocked.times)
            assertTrue("example.com" in late.message.orEmpty() && "orders" !in late.message.orEmpty(), late.message)
            val slow: Handler = { request ->
                delay(900)
                answer(200, "ok")(request)
            }
            assertEquals("ok", Mocked(this, policy, slow).client.get(URL).bodyAsText())
        }

    @Test
    fun `an attempt limit ends at the headers of a stream`() =
        runTest {
            val mocked =
                Mocked(
                    this,
                    """{"timeouts":{"attempt":"1s"}}""",
                    answer(200, "ok", "Content-Type", "text/event-stream"),
                )
            val text =
                mocked.client.prepareGet(URL).execute { response ->
                    delay(5_000)
                    response.bodyAsText()
                }
            assertEquals("ok", text)
        }

    @Test
    fun `a written connect limit is the engine's, and the request's other limits stay`() =
        runTest {
            val mocked =
                Mocked(this, """{"timeouts":{"connect":"700ms"}}""", answer(200)) {
                    install(it)
                    install(HttpTimeout)
                }
            mocked.client.get(URL) { timeout { socketTimeoutMillis = 9_000 } }
            val limits = checkNotNull(mocked.sent[0].second.getCapabilityOrNull(HttpTimeoutCapability))
            assertEquals(
                listOf(700L, 9_000L, null),
                limits.run {
                    listOf(connectTimeoutMillis, socketTimeoutMillis, requestTimeoutMillis)
                },
            )
            val unwritten = Mocked(this, PLAIN, answer(200))
            unwritten.client.get(URL)
            assertNull(unwritten.sent[0].second.getCapabilityOrNull(HttpTimeoutCapability))
        }

    private class Login {
        var refreshed = 0

        fun into(auth: AuthConfig) =
            auth.bearer {
                loadTokens { BearerTokens("t0", null) }
                refreshTokens { BearerTokens("t${++refreshed}", null) }
                sendWithoutRequest { true }
            }
    }

    private val guarded: Handler = { request ->
        val token = request.headers["Authorization"].orEmpty()
        answer(if (token == "Bearer t0") 401 else 200)(request)
    }

    private fun List<Pair<Long, io.ktor.client.request.HttpRequestData>>.tokens() =
        map { it.second.headers["Authorization"].orEmpty().removePrefix("Bearer ") }

    @Test
    fun `Auth before it renews its token once, and the call with the new one is retried like any other`() =
        runTest {
            val login = Login()
            val mocked =
                Mocked(this, PLAIN, guarded, answer(503), guarded) {
                    install(Auth) { login.into(this) }
                    install(it)
                }
            assertEquals(200, mocked.client.get(URL).status.value)
            assertEquals(listOf("t0", "t1", "t1"), mocked.sent.tokens())
            assertEquals(1, login.refreshed)
            assertEquals(2, mocked.events.count { it.kind == "call" })
        }

    @Test
    fun `Auth after it renews its token within an attempt, and again in each retry`() =
        runTest {
            val login = Login()
            val mocked =
                Mocked(this, PLAIN, guarded, answer(503), guarded) {
                    install(it)
                    install(Auth) { login.into(this) }
                }
            assertEquals(200, mocked.client.get(URL).status.value)
            assertEquals(listOf("t0", "t1", "t0", "t2"), mocked.sent.tokens())
            assertEquals(2, login.refreshed)
            assertEquals(1, mocked.events.count { it.kind == "call" })
        }

    @Test
    fun `HttpRequestRetry beside it is noticed, unless it is told not to retry`() =
        runTest {
            for (before in listOf(false, true)) {
                val mocked =
                    Mocked(this, PLAIN, answer(503)) {
                        if (before) install(HttpRequestRetry)
                        install(it)
                        if (!before) install(HttpRequestRetry)
                    }
                mocked.client.get(URL)
                assertEquals(4, mocked.sent.size)
                assertTrue(mocked.events.any { it.kind == "stacked" })
                mocked.client.get(URL) { retry { noRetry() } }
                assertEquals(8, mocked.sent.size)
            }
        }

    @Test
    fun `each hop of a redirect is a call of its own`() =
        runTest {
            val mocked =
                Mocked(
                    this,
                    PLAIN,
                    answer(503),
                    answer(302, "", "Location", "https://other.example.com/x"),
                    answer(503),
                    answer(200, "ok"),
                )
            assertEquals("ok", mocked.client.get(URL).bodyAsText())
            assertEquals(listOf(0L, 200L, 200L, 400L), mocked.times)
            assertEquals(2, mocked.events.count { it.kind == "call" })
        }

    @Test
    fun `Ktor's bound on requests to a call ends it with its last answer`() =
        runTest {
            val mocked =
                Mocked(this, PLAIN, answer(429, "slow", "Retry-After", "1")) {
                    install(HttpSend) { maxSendCount = 5 }
                    install(it)
                }
            assertEquals("slow", mocked.client.get(URL).bodyAsText())
            assertEquals(5, mocked.sent.size)
            assertEquals(0L, mocked.live)
            val loop = Mocked(this, PLAIN, answer(302, "", "Location", URL))
            thrown<SendCountExceedException> { loop.client.get(URL) }
        }
}
