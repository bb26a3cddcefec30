package dev.unruffled.ktor

import dev.unruffled.CallException
import dev.unruffled.Policy
import dev.unruffled.Reason
import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.engine.cio.CIO
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.network.sockets.ConnectTimeoutException
import io.ktor.client.plugins.plugin
import io.ktor.client.plugins.sse.SSE
import io.ktor.client.plugins.sse.sse
import io.ktor.client.request.get
import io.ktor.client.request.post
import io.ktor.client.request.prepareGet
import io.ktor.client.request.setBody
import io.ktor.client.statement.bodyAsText
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import okhttp3.Dispatcher
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import kotlin.random.Random

/** The plugin on real engines, through real sockets. */
class EnginesTest {
    private val engines: List<(String, Boolean) -> HttpClient> =
        listOf(
            { policy, single ->
                HttpClient(CIO) {
                    unruffled(policy)
                    engine { if (single) endpoint.maxConnectionsPerRoute = 1 }
                }
            },
            { policy, single ->
                HttpClient(OkHttp) {
                    unruffled(policy)
                    engine {
                        config {
                            retryOnConnectionFailure(false)
                            if (single) dispatcher(Dispatcher().apply { maxRequestsPerHost = 1 })
                        }
                    }
                }
            },
        )

    private fun HttpClientConfig<*>.unruffled(text: String) = run {
        install(SSE)
        install(Unruffled) { policy = Policy.fromString(text) }
    }

    private fun each(
        policy: String,
        script: String,
        single: Boolean = false,
        play: suspend (HttpClient, FaultServer.Run) -> Unit,
    ) {
        for (make in engines) {
            val run = server.Run(script)
            make(policy, single).use { client -> runBlocking { withTimeout(PATIENCE_MS) { play(client, run) } } }
        }
    }

    @Test
    fun `answers that are discarded give their connection back before the wait`() =
        each(QUICK, """{"answers":[{"status":503,"bytes":200000,"times":2}],"then":{"body":"ok"}}""", single = true) {
                client,
                run,
            ->
            assertEquals("ok", client.get("${run.base}/a").bodyAsText())
            assertEquals("ok", client.prepareGet("${run.base}/a").execute { it.bodyAsText() })
            val again = server.Run("""{"answers":[{"status":503,"bytes":200000,"times":2}],"then":{"body":"ok"}}""")
            assertEquals("ok", client.prepareGet("${again.base}/a").execute { it.bodyAsText() })
            assertEquals(3L, again.total("requests"))
        }

    @Test
    fun `attempts that broke or ran out of time give it back as well`() =
        each(
            """{"retry":{"base":"10ms","attempts":8},"timeouts":{"attempt":"400ms"}}""",
            """{"answers":[{"fault":"reset-after"},{"fault":"stall-headers"},{"fault":"stall-body","bytes":1000}],"then":{"body":"ok"}}""",
            single = true,
        ) { client, run ->
            assertEquals("ok", client.get("${run.base}/a").bodyAsText())
            assertEquals(4L, run.total("requests"))
        }

    @Test
    fun `a refused connection is proven unsent, so a write is tried again`() =
        each("""{"retry":{"base":"100ms"}}""", """{"refuse":250,"then":{"body":"ok"}}""") { client, run ->
            assertEquals("ok", client.post("${run.base}/a") { setBody("x") }.bodyAsText())
            assertEquals(1L, run.total("requests"))
        }

    @Test
    fun `a name that does not resolve is proven unsent, and the engine's own error comes in the end`() =
        each("""{"retry":{"base":"10ms","attempts":2}}""", "{}") { client, _ ->
            val events = mutableListOf<String>()
            client.plugin(Unruffled).on { events += "${it.kind} ${it.values["fault"]}" }
            thrown<Exception> { client.post("http://nowhere.invalid/") { setBody("x") } }
            // CIO does not tell a name that does not exist from a name service that is down for the moment.
            val attempts = if (client.engine.javaClass.simpleName.startsWith("CIO")) 2 else 1
            assertEquals(attempts, events.count { it == "attempt unsent" }, "$events")
        }

    @Test
    fun `a written connect limit is proven unsent, and Ktor's own error`() =
        each("""{"retry":{"base":"10ms","attempts":2},"timeouts":{"connect":"200ms"}}""", """{"refuse":"silently"}""") {
                client,
                run,
            ->
            val events = mutableListOf<String>()
            client.plugin(Unruffled).on { events += "${it.kind} ${it.values["fault"]}" }
            thrown<ConnectTimeoutException> { client.post("${run.base}/a") { setBody("x") } }
            assertEquals(2, events.count { it == "attempt connect-timeout" }, "$events")
        }

    @Test
    fun `what is no HTTP, and what breaks off, are lost attempts`() {
        for (fault in listOf("garbage", "reset-before", "close", "truncate", "cut-chunk", "huge-header")) {
            each(QUICK, """{"answers":[{"fault":"$fault","bytes":1000}],"then":{"body":"ok"}}""") { client, run ->
                assertEquals("ok", client.get("${run.base}/a").bodyAsText(), fault)
                assertEquals(2L, run.total("requests"), fault)
            }
        }
    }

    @Test
    fun `a caller who goes away takes the connection with him`() =
        each(QUICK, """{"then":{"fault":"stall-headers"}}""") { client, run ->
            runBlocking {
                val job = launch { client.get("${run.base}/a") }
                while (run.total("requests") == 0L) delay(10)
                job.cancel()
            }
            while (run.total("gone") == 0L) delay(10)
        }

    @Test
    fun `calls cancelled at any moment leave nothing behind`() =
        each(
            """{"retry":{"base":"5ms","attempts":8},"concurrency":4,"breaker":false,"timeouts":{"attempt":"250ms"}}""",
            """{"answers":[{"status":503,"bytes":20000},{"fault":"reset-after"},{"body":"ok"},{"fault":"stall-body","bytes":9000},
            {"body":"ok","delay":5}],"cycle":true}""",
        ) { client, run ->
            val random = Random(7)
            coroutineScope {
                repeat(100) {
                    val job =
                        launch {
                            val call = client.prepareGet("${run.base}/a")
                            try {
                                if (random.nextBoolean()) call.execute { it.bodyAsText() } else call.execute()
                            } catch (_: IOException) {
                                // Some of these calls may fail.
                            }
                        }
                    launch {
                        delay(random.nextLong(0, 60))
                        job.cancel()
                    }
                    delay(1)
                }
            }
            val unruffled = client.plugin(Unruffled)
            while (unruffled.snapshot()["live"] != 0L) delay(10)
            val healthy = server.Run("""{"then":{"body":"ok"}}""")
            repeat(20) { assertEquals("ok", client.get("${healthy.base}/a").bodyAsText()) }
        }

    @Test
    fun `a hundred calls at once over one connection all come through`() =
        each(QUICK, """{"answers":[{"status":503},{"body":"ok","times":9}],"cycle":true}""", single = true) {
                client,
                run,
            ->
            runBlocking {
                val texts = List(100) { async { client.get("${run.base}/a").bodyAsText() } }.awaitAll()
                assertEquals(setOf("ok"), texts.toSet())
            }
            assertTrue(run.total("requests") in 110..112, "${run.total("requests")}")
        }

    @Test
    fun `Ktor's own reader of events gets its session, after retries as well`() =
        each(QUICK, """{"answers":[{"status":503}],"then":{"sdk":"events"}}""") { client, run ->
            var events = 0
            client.sse("${run.base}/a") { incoming.collect { events++ } }
            assertEquals(4, events)
            assertEquals(2L, run.total("requests"))
        }

    @Test
    fun `a client that is closed ends its waits`() =
        each(QUICK, """{"then":{"status":503,"headers":{"Retry-After":"30"}}}""") { client, run ->
            runBlocking {
                val call = async { client.get("${run.base}/a").status.value }
                while (run.total("requests") == 0L) delay(10)
                delay(50)
                client.close()
                assertEquals(503, call.await())
                assertEquals(Reason.CLOSED, thrown<CallException> { client.get("${run.base}/a") }.reason)
            }
        }

    private companion object {
        const val PATIENCE_MS = 20_000L
        const val QUICK = """{"retry":{"base":"10ms"}}"""
        val server = FaultServer()

        @JvmStatic
        @AfterAll
        fun stop() = server.close()
    }
}
