package dev.unruffled.under

import dev.unruffled.CallException
import dev.unruffled.Client
import dev.unruffled.Policy
import dev.unruffled.PolicyOptions
import dev.unruffled.client.Calls
import dev.unruffled.client.Targets
import dev.unruffled.core.routeOf
import dev.unruffled.driver.Clock
import dev.unruffled.driver.Engine
import dev.unruffled.http.Transport
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import okhttp3.Call
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.Response
import okhttp3.ResponseBody.Companion.toResponseBody
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit

/** Endpoints of one origin, as verbs and drop-ins name them to the core. */
class EndpointsTest {
    /** A clock that the test moves. */
    private class Hand : Clock {
        @Volatile
        var at = 0L

        override fun now(): Long = at

        override fun wall(): Long = 1_767_225_600_000 + at
    }

    private val clock = Hand()
    private val closing = mutableListOf<AutoCloseable>()

    @AfterEach
    fun close() = closing.forEach { it.close() }

    private fun engine(more: String = ""): Engine {
        val engine = PolicyOptions().open(Policy.fromString("""{"baseUrl":"$API"$more}"""), clock)
        closing += AutoCloseable(engine::close)
        return engine
    }

    private fun Engine.verb(method: String, path: String): Int = Targets(this).run { target(method, template(path)) }

    private fun DropIn.target(method: String, path: String): Int =
        prepare(DropInRequest(Unit, method, API, path, repeatable = true)) { null }.target

    @Test
    fun `each method and template of a verb is an endpoint of its own`() {
        val engine = engine()
        val paths = listOf("/orders/{id}", "/orders", "/search", "/v1/search")
        val targets = paths.flatMap { path -> listOf("GET", "PUT").map { engine.verb(it, path) } }
        assertEquals(targets.size, targets.distinct().size)
        assertTrue(targets.all { routeOf(it) == 0 && it != 0 })
        assertEquals(targets[0], engine.verb("GET", "/orders/{id}?page=2"))
    }

    @Test
    fun `URLs of a drop-in that differ in their values are one endpoint`() {
        val dropIn = DropIn(engine())
        val order = dropIn.target("GET", "/orders/7")
        assertTrue(routeOf(order) == 0 && order != 0)
        assertEquals(order, dropIn.target("GET", "/orders/8"))
        assertNotEquals(order, dropIn.target("PUT", "/orders/7"))
        assertNotEquals(order, dropIn.target("GET", "/search"))
    }

    @Test
    fun `a route of the policy is named instead of the endpoint`() {
        val engine = engine(""","routes":{"GET /orders/{id}":{},"/search":{}}""")
        val dropIn = DropIn(engine)
        assertEquals(1, engine.verb("GET", "/orders/{id}"))
        assertEquals(1, dropIn.target("GET", "/orders/7"))
        assertEquals(2, dropIn.target("POST", "/search"))
        assertEquals(0, routeOf(dropIn.target("POST", "/orders/7")))
        assertNotEquals(0, dropIn.target("POST", "/orders/7"))
    }

    @Test
    fun `the core is asked once for each text`() {
        val engine = engine()
        val dropIn = DropIn(engine)
        val verb = engine.verb("GET", "/first")
        val url = dropIn.target("GET", "/first")
        words.forEach { engine.core.route("GET /$it") }
        // The core has forgotten both, so that it would give other numbers now.
        assertNotEquals(verb, engine.core.route("GET /first"))
        assertNotEquals(url, engine.core.route("GET $API/first"))
        assertEquals(verb, engine.verb("GET", "/first"))
        assertEquals(url, dropIn.target("GET", "/first"))
    }

    @Test
    fun `a drop-in remembers a thousand URLs and no more`() {
        val dropIn = DropIn(engine())
        val first = dropIn.target("GET", "/first")
        words.forEach { dropIn.target("GET", "/$it") }
        assertNotEquals(first, dropIn.target("GET", "/first"))
    }

    @Test
    fun `an endpoint that fails does not hold back another, suspending`() {
        val client = client()
        held { name, id ->
            runBlocking { client.get("/$name/{id}") { path("id", id).raise(false) }.status }
        }
    }

    @Test
    fun `an endpoint that fails does not hold back another, blocking`() {
        val client = client().blocking
        held { name, id -> client.get("/$name/{id}") { path("id", id).raise(false) }.status }
    }

    @Test
    fun `an endpoint that fails does not hold back another, under a call factory`() {
        for (way in listOf<(Call) -> Response>({ it.execute() }, { it.queued() })) {
            clock.at = 0
            val calls = client().callFactory()
            held { name, id -> way(calls.newCall(request("/$name/$id"))).use { it.code } }
        }
    }

    @Test
    fun `an endpoint that fails does not hold back another, under an interceptor`() {
        val http = OkHttpClient.Builder().addInterceptor(client().interceptor()).addInterceptor(HalfDown).build()
        held { name, id -> http.newCall(request("/$name/$id")).execute().use { it.code } }
    }

    /** Makes a client of an API whose paths below `/broken` are down. */
    private fun client(): Client {
        val engine = engine(""","retry":{"attempts":1},"breaker":{"minimumCalls":2,"run":2,"wait":0}""")
        val http = OkHttpClient.Builder().addInterceptor(HalfDown).build()
        return Client(engine, Transport(http, engine.settings), Calls(engine, Json, null, null))
    }

    /** Checks that the breaker of one endpoint opens and that calls to the other go on. */
    private fun held(call: (name: String, id: Int) -> Int) {
        fun end(name: String, id: Int): String =
            try {
                "${call(name, id)}"
            } catch (failed: CallException) {
                failed.reason.text
            }
        repeat(3) {
            assertEquals("503", end("broken", it))
            clock.at += 600
        }
        assertEquals("circuit-open", end("broken", 3))
        assertEquals("200", end("well", 3))
    }

    private fun request(path: String): Request = Request.Builder().url(API + path).build()

    private fun Call.queued(): Response {
        val answer = CompletableFuture<Response>().also { enqueue(FutureCallback(it)) }
        try {
            return answer.get(10, TimeUnit.SECONDS)
        } catch (failed: ExecutionException) {
            throw checkNotNull(failed.cause)
        }
    }

    private object HalfDown : Interceptor {
        override fun intercept(chain: Interceptor.Chain): Response {
            val down = chain.request().url.encodedPath.startsWith("/broken/")
            return Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1)
                .code(if (down) 503 else 200).message("").body("{}".toResponseBody()).build()
        }
    }

    private companion object {
        const val API = "https://api.example.com"

        /** More of them than the core or a drop-in remembers, without a digit. */
        val words = (1_000..2_100).map { number -> number.toString().map { 'a' + (it - '0') }.joinToString("") }
    }
}
