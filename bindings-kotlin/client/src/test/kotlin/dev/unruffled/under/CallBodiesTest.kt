package dev.unruffled.under

import dev.unruffled.core.text
import okhttp3.CacheControl
import okhttp3.ConnectionPool
import okhttp3.MediaType
import okhttp3.OkHttpClient
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okio.BufferedSink
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.net.SocketTimeoutException
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/** Bodies of requests and answers, and the state of connections, over several attempts. */
internal class CallBodiesTest : Calling() {
    @Test
    fun `a pool of one connection serves call after call, retried or given up`() {
        val pool = ConnectionPool(1, 1, TimeUnit.MINUTES)
        val client = OkHttpClient.Builder().connectionPool(pool).build()
        val factory = factory(""","breaker":false""", client, """{"base":"50ms","attempts":2}""")
        val request =
            request(
                """{"answers":[{"status":503,"bytes":20000},{"bytes":20},{"status":503},{"status":500}],"cycle":true}""",
            )
        repeat(4) {
            both { make -> make(factory.newCall(request)).close() }
        }
        assertEquals(1, pool.connectionCount())
        assertEquals(1, pool.idleConnectionCount())
        assertEquals(1, server.seen(run).map { it["connection"] }.distinct().size)
    }

    @Test
    fun `a body that breaks off is a failed attempt if it is small, and the reader's own trouble else`() =
        both { make ->
            val cut = """{"answers":[{"bytes":2000,"fault":"truncate"}],"then":{"bytes":2000}}"""
            make(factory().newCall(request(cut))).use { assertEquals(2000, it.body.bytes().size) }
            assertEquals(2, server.requests(run))
            make(factory(""","bufferUpTo":1000""").newCall(request(cut))).use { response ->
                fails<IOException> { response.body.bytes() }
            }
            assertEquals(1, server.requests(run))
        }

    @Test
    fun `a rule looks into a small answer of 200, and leaves it whole`() =
        both { make ->
            val rule = ""","classify":[{"status":200,"json":"/errors/0/code","is":["busy"],"as":"retry"}]"""
            val script = """{"answers":[{"json":{"errors":[{"code":"busy"}]}}],"then":{"json":{"data":1}}}"""
            make(factory(rule).newCall(request(script))).use { assertEquals("""{"data":1}""", it.body.string()) }
            assertEquals(2, server.requests(run))
            make(factory("$rule,\"bufferUpTo\":0").newCall(request(script))).use { response ->
                assertEquals("""{"errors":[{"code":"busy"}]}""", response.body.string())
            }
            assertEquals(1, server.requests(run))
        }

    @Test
    fun `events come as they are sent, whatever length they declare`() {
        val events = """"headers":{"Content-Type":"text/event-stream"},"bytes":40,"fault":"dribble","every":50"""
        val call = factory().newCall(request("""{"then":{$events}}"""))
        call.execute().use { response ->
            assertTrue(response.body.source().buffer.size < 40)
            assertEquals(40, response.body.bytes().size)
        }
    }

    @Test
    fun `silence between two pieces ends a stream after idle if the policy says so`() {
        val script = """{"then":{"bytes":40,"fault":"stall-body"}}"""
        val call = factory(""","bufferUpTo":0,"timeouts":{"idle":"200ms"}""").newCall(request(script))
        call.execute().use { response -> fails<SocketTimeoutException> { response.body.bytes() } }
    }

    @Test
    fun `the beginning of a long answer that was let go says that it is no more than that`() =
        both { make ->
            // The client is closed in the wait after the long answer, so only the copy is left.
            val script = """{"then":{"status":503,"headers":{"Retry-After":"30"},"bytes":200000}}"""
            val factory = factory()
            val call = factory.newCall(request(script))
            val closing = thread {
                until(1)
                Thread.sleep(SHORT)
                factory.close()
            }
            make(call).use { response ->
                assertEquals(503, response.code)
                assertEquals(200_000, response.body.contentLength())
                val source = response.body.source()
                assertTrue(source.request(65_536))
                assertTrue("65536" in fails<IOException> { source.readByteArray() }.message.orEmpty())
            }
            closing.join()
        }

    @Test
    fun `a body that can be sent once is sent once`() =
        both { make ->
            val body =
                object : RequestBody() {
                    override fun contentType(): MediaType? = null

                    override fun isOneShot() = true

                    override fun writeTo(sink: BufferedSink) {
                        sink.writeUtf8("once")
                    }
                }
            val request = request("""{"then":{"status":503}}""").newBuilder().put(body).build()
            make(factory().newCall(request)).use { assertEquals(503, it.code) }
            assertEquals(listOf("once"), server.seen(run).map { it.text("body") })
        }

    @Test
    fun `a PUT with a body of bytes is sent again, byte for byte`() =
        both { make ->
            val request = request("""{"answers":[{"status":503}]}""").newBuilder().put("whole".toRequestBody()).build()
            make(factory().newCall(request)).use { assertEquals(200, it.code) }
            assertEquals(listOf("whole", "whole"), server.seen(run).map { it.text("body") })
        }

    @Test
    fun `a cache that has nothing is not asked again`() {
        val request = request("{}").newBuilder().cacheControl(CacheControl.FORCE_CACHE).build()
        both { make -> make(factory().newCall(request)).use { assertEquals(504, it.code) } }
        assertEquals(0, server.requests(run))
    }

    @Test
    fun `a connection is proven unsent even for a POST, a lost answer is not`() =
        both { make ->
            val post = "x".toRequestBody()
            val patient = factory(retry = """{"base":"100ms"}""")
            make(patient.newCall(request("""{"refuse":100}""").newBuilder().post(post).build())).use {
                assertEquals(200, it.code)
            }
            val lost = request("""{"then":{"fault":"reset-after"}}""").newBuilder().post(post).build()
            fails<IOException> { make(factory().newCall(lost)) }
            assertEquals(1, server.requests(run))
        }
}
