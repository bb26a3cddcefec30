package dev.unruffled.under

import dev.unruffled.CallException
import dev.unruffled.Event
import dev.unruffled.Policy
import dev.unruffled.Reason
import dev.unruffled.Unruffled
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.Callback
import okhttp3.ConnectionPool
import okhttp3.Dispatcher
import okhttp3.EventListener
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotSame
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.io.InterruptedIOException
import java.net.SocketTimeoutException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.random.Random

/** The contract of OkHttp's calls over several attempts. The scenarios test what all drop-ins share. */
internal class CallFactoryTest : Calling() {
    @Test
    fun `the last answer is OkHttp's own, with the ones before it as prior responses`() =
        both { make ->
            val request = request("""{"answers":[{"status":503,"json":1},{"status":502}],"then":{"json":{"a":1}}}""")
            val call = factory().newCall(request.newBuilder().header("X-Mine", "1").tag("mine").build())
            make(call).use { response ->
                assertEquals(200, response.code)
                assertEquals("""{"a":1}""", response.body.string())
                assertEquals("1", response.request.header("X-Mine"))
                assertEquals("mine", response.request.tag())
                assertEquals(request.url, response.request.url)
                assertEquals(502, response.priorResponse?.code)
                assertEquals(503, response.priorResponse?.priorResponse?.code)
                assertEquals("", response.priorResponse?.body?.string())
            }
            assertTrue(server.seen(run).all { "unruffled" !in it.getValue("headers").toString() })
        }

    @Test
    fun `an answer that is an answer is handed over as it is`() =
        both { make ->
            val factory = factory()
            make(factory.newCall(request("""{"then":{"status":404,"body":"none"}}"""))).use { response ->
                assertEquals(404, response.code)
                assertEquals("none", response.body.string())
                assertNull(response.priorResponse)
            }
            assertEquals(1, server.requests(run))
        }

    @Test
    fun `a wait holds no place in the dispatcher, and cancelling ends it at once`() {
        val client = OkHttpClient.Builder().dispatcher(Dispatcher().apply { maxRequestsPerHost = 1 }).build()
        val factory = factory(over = client)
        val base = server.begin(run, """{"paths":{"/slow":{"then":{"status":503,"headers":{"Retry-After":"30"}}}}}""")
        val waiting = factory.newCall(Request.Builder().url("$base/slow").build())
        val waits = waiting.later()
        until(1)
        factory.newCall(Request.Builder().url("$base/fast").build()).queued().use { assertEquals(200, it.code) }
        val at = System.nanoTime()
        waiting.cancel()
        assertEquals("Canceled", fails<IOException> { waits.ends() }.message)
        assertTrue(System.nanoTime() - at < TimeUnit.SECONDS.toNanos(1))
        assertTrue(waiting.isCanceled())
        assertEquals(2, server.requests(run))
    }

    @Test
    fun `cancelling ends an executed call in its wait and in its attempt`() {
        for (script in listOf(
            """{"then":{"status":503,"headers":{"Retry-After":"30"}}}""",
            """{"then":{"fault":"stall-headers"}}""",
        )) {
            val call = factory().newCall(request(script))
            val canceller = thread {
                until(1)
                Thread.sleep(SHORT)
                call.cancel()
            }
            assertEquals("Canceled", fails<IOException> { call.execute() }.message)
            canceller.join()
            assertEquals(1, server.requests(run))
        }
    }

    @Test
    fun `a call cancelled before it is made sends nothing`() =
        both { make ->
            val call = factory().newCall(request("{}"))
            call.cancel()
            assertEquals("Canceled", fails<IOException> { make(call) }.message)
            assertEquals(0, server.requests(run))
        }

    @Test
    fun `somebody who cancels the attempt itself ends the call`() {
        val client = OkHttpClient()
        val ending = factory(over = client).newCall(request("""{"then":{"fault":"stall-headers"}}""")).later()
        until(1)
        client.dispatcher.cancelAll()
        fails<IOException> { ending.ends() }
        assertEquals(1, server.requests(run))
    }

    @Test
    fun `an interrupt ends an executed call and stays`() {
        val call = factory().newCall(request("""{"then":{"status":503,"headers":{"Retry-After":"30"}}}"""))
        val caller = Thread.currentThread()
        val interrupting = thread {
            until(1)
            Thread.sleep(SHORT)
            caller.interrupt()
        }
        fails<InterruptedIOException> { call.execute() }
        assertTrue(Thread.interrupted())
        interrupting.join()
    }

    @Test
    fun `the call's own timeout spans attempts and waits, and no wait is begun that it would cut`() =
        both { make ->
            val stalled = factory().newCall(request("""{"then":{"fault":"stall-headers"}}"""))
            stalled.timeout().timeout(300, TimeUnit.MILLISECONDS)
            assertEquals("timeout", fails<InterruptedIOException> { make(stalled) }.message)
            assertEquals(1, server.requests(run))
            val refused = factory().newCall(request("""{"then":{"status":503,"headers":{"Retry-After":"5"}}}"""))
            refused.timeout().deadline(1, TimeUnit.SECONDS)
            make(refused).use { assertEquals(503, it.code) }
        }

    @Test
    fun `the client's callTimeout is the whole call's, and covers the reading of the body`() {
        val client = OkHttpClient.Builder().callTimeout(400, TimeUnit.MILLISECONDS).build()
        val call = factory(over = client).newCall(request("""{"then":{"bytes":64,"fault":"stall-body"}}"""))
        assertEquals(TimeUnit.MILLISECONDS.toNanos(400), call.timeout().timeoutNanos())
        val streamed = factory(""","bufferUpTo":0""", client).newCall(call.request())
        streamed.execute().use { response ->
            assertEquals("timeout", fails<InterruptedIOException> { response.body.bytes() }.message)
        }
    }

    @Test
    fun `an attempt's time limit is real, and time in the dispatcher's line is none of it`() {
        val stalled = """{"answers":[{"fault":"stall-headers"}],"then":{}}"""
        both { make ->
            make(factory(""","timeouts":{"attempt":"300ms"}""").newCall(request(stalled))).use {
                assertEquals(200, it.code)
            }
            assertEquals(2, server.requests(run))
        }
        val client = OkHttpClient.Builder().dispatcher(Dispatcher().apply { maxRequestsPerHost = 1 }).build()
        val factory = factory(""","timeouts":{"attempt":"800ms"}""", client)
        val request = request("""{"then":{"delay":400}}""")
        List(4) {
            factory.newCall(request).later()
        }.forEach { ending -> ending.ends().use { assertEquals(200, it.code) } }
        assertEquals(4, server.requests(run))
    }

    @Test
    fun `whoever retries above is left to it`() {
        val seen = CopyOnWriteArrayList<Event>()
        val below = Unruffled.interceptor(Policy.fromString("""{"retry":{"base":"1ms"}}""")) { on { seen += it } }
        closing += AutoCloseable(below::close)
        val client = OkHttpClient.Builder().addInterceptor(below).build()
        val script = """{"then":{"status":503}}"""
        factory(over = client).newCall(request(script)).execute().use { assertEquals(503, it.code) }
        assertEquals(4, server.requests(run))
        assertEquals(4, seen.count { it.kind == "stacked" })
        val lost = request("""{"then":{"fault":"reset-after"}}""")
        val calls = factory(over = client)
        val failed = fails<IOException> { calls.newCall(lost).execute() }
        assertTrue("retries-exhausted" in calls.explain(failed), calls.explain(failed))
        val policy = """{"baseUrl":"${server.begin("$run-verbs", script)}","retry":{"base":"1ms"}}"""
        val verbs = Unruffled.client(Policy.fromString(policy)) { okHttp(client) }
        verbs.use { assertEquals(503, it.blocking.get("/thing") { raise(false) }.status) }
        assertEquals(4, server.requests("$run-verbs"))
        val counted = request(script).newBuilder().header("x-stainless-retry-count", "1").build()
        factory().newCall(counted).execute().use { assertEquals(503, it.code) }
        assertEquals(1, server.requests(run))
    }

    @Test
    fun `the client's authenticator answers a 401 within one attempt`() {
        val asked = AtomicInteger()
        val client =
            OkHttpClient.Builder().authenticator(
                Authenticator { _, response ->
                    if (asked.incrementAndGet() >
                        1
                    ) {
                        null
                    } else {
                        response.request.newBuilder().header("Authorization", "Bearer t2").build()
                    }
                },
            ).build()
        val factory = factory(over = client)
        factory.newCall(request("""{"tokens":["t2"]}""")).execute().use { response ->
            assertEquals(200, response.code)
            assertEquals(1, asked.get())
            assertTrue("attempt" in factory.explain(response), factory.explain(response))
        }
        assertEquals(2, server.requests(run))
    }

    @Test
    fun `what an interceptor throws is thrown, and comes to a callback as OkHttp tells it`() {
        val client = OkHttpClient.Builder().addInterceptor(Interceptor { error("mine") }).build()
        val calls = factory(over = client)
        assertEquals("mine", fails<IllegalStateException> { calls.newCall(request("{}")).execute() }.message)
        val failed = CompletableFuture<IOException>()
        val thrown = CompletableFuture<Throwable>()
        val handler = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> thrown.complete(error) }
        try {
            calls.newCall(request("{}")).later().exceptionally { failed.complete(it as IOException).let { null } }
            assertTrue("canceled due to" in failed.get(PATIENCE, TimeUnit.SECONDS).message.orEmpty())
            assertEquals("mine", thrown.get(PATIENCE, TimeUnit.SECONDS).message)
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(handler)
        }
    }

    @Test
    fun `where nothing was sent the error is of OkHttp's kind, and says why`() =
        both { make ->
            val factory = factory(""","concurrency":1,"timeouts":{"total":"400ms"}""")
            val base = server.begin(run, """{"then":{"fault":"stall-headers"}}""")
            val first = factory.newCall(Request.Builder().url("$base/1").build())
            val holding = first.later()
            until(1)
            val late = fails<SocketTimeoutException> { make(factory.newCall(Request.Builder().url("$base/2").build())) }
            assertEquals(Reason.DEADLINE, (late.cause as CallException).reason)
            assertTrue(factory.explain(late).isNotEmpty())
            assertEquals(1, server.requests(run))
            first.cancel()
            fails<IOException> { holding.ends() }
            factory.close()
            val closed = fails<CallException> { make(factory.newCall(first.request())) }
            assertEquals(Reason.CLOSED, closed.reason)
        }

    @Test
    fun `the last native error is thrown again, and its account is with it`() =
        both { make ->
            val factory = factory(retry = """{"base":"1ms","attempts":2}""")
            val failed = fails<IOException> { make(factory.newCall(request("""{"then":{"fault":"reset-after"}}"""))) }
            assertFalse(failed is CallException)
            assertEquals(Reason.RETRIES_EXHAUSTED, failed.suppressed.filterIsInstance<CallException>().single().reason)
            assertTrue(factory.explain(failed).lines().size > 2, factory.explain(failed))
            assertEquals(2, server.requests(run))
        }

    @Test
    fun `a callback is never called on the thread that enqueues`() {
        val factory = factory()
        factory.close()
        val on = CompletableFuture<Thread>()
        factory.newCall(request("{}")).enqueue(
            object : Callback {
                override fun onFailure(call: Call, e: IOException) {
                    on.complete(Thread.currentThread())
                }

                override fun onResponse(call: Call, response: Response) = response.close()
            },
        )
        assertNotSame(Thread.currentThread(), on.get(PATIENCE, TimeUnit.SECONDS))
    }

    @Test
    fun `nothing is left of calls that are cancelled at any moment`() {
        val pool = ConnectionPool(8, 1, TimeUnit.MINUTES)
        val client = OkHttpClient.Builder().connectionPool(pool).build()
        val factory = factory(""","breaker":false,"concurrency":4,"timeouts":{"attempt":"60ms"}""", client)
        val script =
            """{"answers":[{"status":503},{"bytes":3000},{"status":500,"delay":5},{"fault":"stall-body"},""" +
                """{"fault":"reset-after"},{"delay":20},{"status":429}],"cycle":true}"""
        val request = request(script)
        val random = Random(1)
        val ended = AtomicInteger()
        val cancelling = Executors.newScheduledThreadPool(1)
        val calls =
            List(300) {
                val call = factory.newCall(request)
                cancelling.schedule(call::cancel, random.nextLong(80_000), TimeUnit.MICROSECONDS)
                call.later().handle { response, _ -> response?.close().also { ended.incrementAndGet() } }
            }
        calls.forEach { it.get(PATIENCE, TimeUnit.SECONDS) }
        cancelling.shutdown()
        assertEquals(300, ended.get())
        val left = factory.snapshot()
        assertEquals(listOf(0L, 0L, 0L), listOf("live", "inFlight", "waiting").map { left[it] })
        val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE)
        // Cancelled attempts may still return their permits.
        while (pool.connectionCount() > pool.idleConnectionCount() || client.dispatcher.runningCallsCount() > 0) {
            check(System.nanoTime() < end) {
                "${pool.connectionCount()} connections, ${pool.idleConnectionCount()} idle"
            }
            Thread.sleep(2)
        }
    }

    @Test
    fun `a call is made once, and its clone once more`() {
        val call = factory().newCall(request("{}"))
        assertFalse(call.isExecuted())
        call.execute().close()
        assertTrue(call.isExecuted())
        assertEquals("Already Executed", fails<IllegalStateException> { call.execute() }.message)
        fails<IllegalStateException> { call.later() }
        val clone = call.clone()
        assertSame(call.request(), clone.request())
        clone.execute().use { assertEquals(200, it.code) }
    }

    @Test
    fun `tags and listeners of a call go along with its attempts`() {
        val tagged = AtomicInteger()
        val client =
            OkHttpClient.Builder().addInterceptor(
                Interceptor { chain ->
                    if (chain.call().tag(Int::class.javaObjectType) == 7) tagged.incrementAndGet()
                    chain.proceed(chain.request())
                },
            ).build()
        val request = request("""{"answers":[{"status":503}]}""").newBuilder().tag("given").build()
        val call = factory(over = client).newCall(request)
        assertEquals("given", call.tag(Any::class.java))
        assertNull(call.tag(Int::class.javaObjectType))
        assertEquals(7, call.tag(Int::class.javaObjectType) { 7 })
        assertEquals(7, call.tag(Int::class) { 8 })
        assertEquals(7, call.tag(Int::class))
        val ended = CountDownLatch(2)
        call.addEventListener(
            object : EventListener() {
                override fun callEnd(call: Call) = ended.countDown()
            },
        )
        call.execute().close()
        assertTrue(ended.await(PATIENCE, TimeUnit.SECONDS))
        assertEquals(2, tagged.get())
    }

    @Test
    fun `a factory of somebody else's whose calls know no listeners is heard by its exceptions`() {
        val client = OkHttpClient.Builder().retryOnConnectionFailure(false).build()

        /** A call that was compiled against an older OkHttp. */
        class Old(private val call: Call) : Call by call {
            override fun addEventListener(eventListener: EventListener) = throw AbstractMethodError()

            override fun clone(): Call = Old(call.clone())
        }
        val factory = factory(over = { Old(client.newCall(it)) }, retry = """{"base":"100ms"}""")
        both { make ->
            make(factory.newCall(request("""{"answers":[{"status":503}]}"""))).use { assertEquals(200, it.code) }
            assertEquals(2, server.requests(run))
            val post = "x".toRequestBody()
            val refused = request("""{"refuse":100}""").newBuilder().post(post).build()
            make(factory.newCall(refused)).use { assertEquals(200, it.code) }
        }
    }
}
