package dev.unruffled.ktor

import io.ktor.client.call.replaceResponse
import io.ktor.client.engine.mock.respond
import io.ktor.client.request.get
import io.ktor.client.request.prepareGet
import io.ktor.client.request.prepareHead
import io.ktor.client.statement.HttpReceivePipeline
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.bodyAsChannel
import io.ktor.client.statement.bodyAsText
import io.ktor.http.HttpStatusCode
import io.ktor.http.headers
import io.ktor.utils.io.ByteChannel
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.readAvailable
import io.ktor.utils.io.writeStringUtf8
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.net.SocketTimeoutException

/** Bodies that are read as streams. */
@OptIn(ExperimentalCoroutinesApi::class)
class StreamsTest {
    /** A body in pieces, [every] ms apart; [end] breaks it off. */
    private fun TestScope.pieces(
        status: Int,
        vararg pieces: String,
        every: Long,
        end: Throwable? = null,
        length: Int? = null,
    ): Handler =
        {
            val body = ByteChannel(autoFlush = true)
            launch {
                try {
                    for (piece in pieces) {
                        delay(every)
                        body.writeStringUtf8(piece)
                    }
                    if (end == null) body.flushAndClose() else body.cancel(end)
                } catch (_: IOException) {
                    // The caller has stopped reading.
                }
            }
            respond(body, HttpStatusCode.fromValue(status), headers { length?.let { append("Content-Length", "$it") } })
        }

    private suspend fun TestScope.drained(response: HttpResponse): Pair<String, Long> {
        val at = testScheduler.currentTime
        val body = response.bodyAsChannel()
        val piece = ByteArray(64)
        val text = StringBuilder()
        while (true) {
            val size = body.readAvailable(piece)
            if (size < 0) break
            text.append(piece.decodeToString(0, size))
        }
        body.closedCause?.let { throw it }
        return text.toString() to testScheduler.currentTime - at
    }

    @Test
    fun `a stream is retried before its headers and delivered at them`() =
        runTest {
            val mocked = Mocked(this, PLAIN, answer(503), pieces(200, "a", "b", "c", every = 500))
            val (text, ms) =
                mocked.client.prepareGet(URL).execute { response ->
                    assertEquals(200L, testScheduler.currentTime)
                    drained(response)
                }
            assertEquals("abc", text)
            assertEquals(1_500L, ms)
            assertEquals(2, mocked.sent.size)
        }

    @Test
    fun `a stream that breaks is not sent again`() =
        runTest {
            val mocked = Mocked(this, PLAIN, pieces(200, "a", every = 10, end = IOException("reset")))
            thrown<IOException> { mocked.client.prepareGet(URL).execute { drained(it) } }
            assertEquals(1, mocked.sent.size)
        }

    @Test
    fun `a body that Ktor reads whole is an answer only when it is whole`() =
        runTest {
            val mocked =
                Mocked(this, PLAIN, pieces(200, "a", every = 10, end = IOException("reset")), answer(200, "ab"))
            assertEquals("ab", mocked.client.get(URL).bodyAsText())
            assertEquals(2, mocked.sent.size)
            // Ktor counts the bytes itself and throws no exception of the network.
            val short = Mocked(this, PLAIN, pieces(200, "a", every = 10, length = 2), answer(200, "ab"))
            assertEquals("ab", short.client.get(URL).bodyAsText())
        }

    @Test
    fun `a short body of declared length is read before it is lent, an event stream never`() =
        runTest {
            val broken = pieces(200, "a", every = 10, end = IOException("reset"), length = 2)
            val mocked = Mocked(this, PLAIN, broken, answer(200, "ab", "Content-Length", "2"))
            assertEquals("ab", mocked.client.prepareGet(URL).execute { it.bodyAsText() })
            assertEquals(2, mocked.sent.size)

            val off = Mocked(this, """{"bufferUpTo":0}""", broken)
            thrown<IOException> { off.client.prepareGet(URL).execute { drained(it) } }
            assertEquals(1, off.sent.size)

            val events =
                Mocked(
                    this,
                    PLAIN,
                    answer(200, "ab", "Content-Length", "3", "Content-Type", "text/event-stream; charset=utf-8"),
                )
            assertEquals("ab", events.client.prepareGet(URL).execute { drained(it) }.first)
        }

    @Test
    fun `a stream that falls silent ends after the written idle time, and one that does not lives on`() =
        runTest {
            val policy = """{"timeouts":{"idle":"1s"}}"""
            val alive = Mocked(this, policy, pieces(200, *Array(60) { "x" }, every = 900))
            assertEquals(60, alive.client.prepareGet(URL).execute { drained(it) }.first.length)
            val silent = Mocked(this, policy, pieces(200, "a", "b", every = 1_100))
            val begun = testScheduler.currentTime
            val error = thrown<IOException> { silent.client.prepareGet(URL).execute { drained(it) } }
            assertEquals(1_000L, testScheduler.currentTime - begun)
            assertTrue(generateSequence<Throwable>(error) { it.cause }.any { it is SocketTimeoutException }, "$error")
            assertEquals(1, silent.sent.size)
        }

    @Test
    fun `a body that falls silent before it is whole is a failed attempt`() =
        runTest {
            val policy = """{"retry":{"jitter":"none"},"timeouts":{"idle":"1s"}}"""
            for (length in listOf(null, 2)) {
                val mocked =
                    Mocked(this, policy, pieces(200, "a", "b", every = 1_100, length = length), answer(200, "ab"))
                assertEquals("ab", mocked.client.get(URL).bodyAsText())
                assertEquals(listOf(1_200L), mocked.times.map { it - mocked.times[0] }.drop(1))
                assertEquals("timeout", mocked.events.first { it.kind == "attempt" }.values["fault"])
            }
        }

    @Test
    fun `what a rule has read of a body is still in it`() =
        runTest {
            val policy = """{"classify":[{"status":429,"json":"/code","is":["quota"],"as":"fail"}]}"""
            val body = """{"code":"quota","more":"${"x".repeat(6_000)}"}"""
            val mocked = Mocked(this, policy, pieces(429, body.take(3_000), body.drop(3_000), every = 10))
            assertEquals(body, mocked.client.prepareGet(URL).execute { it.bodyAsText() })
            assertEquals(body, mocked.client.get(URL).bodyAsText())
            assertEquals(2, mocked.sent.size)
        }

    @Test
    fun `a rule may read an answer below 400 that is whole`() =
        runTest {
            val rule = """{"status":200,"json":"/errors/0/code","is":["BUSY"],"as":"retry"}"""
            val policy = """{"retry":{"jitter":"none"},"classify":[$rule]}"""
            val busy = answer(200, """{"errors":[{"code":"BUSY"}]}""")
            val mocked = Mocked(this, policy, busy, answer(200, """{"data":1}"""))
            assertEquals("""{"data":1}""", mocked.client.get(URL).bodyAsText())
            assertEquals(2, mocked.sent.size)
        }

    @Test
    fun `what a plugin below made of a body is read once and kept`() =
        runTest {
            val policy =
                """{"retry":{"jitter":"none","attempts":2},"classify":[
                {"status":200,"json":"/busy","is":[true],"as":"retry"},{"status":429,"json":"/quota","is":[true],"as":"fail"}]}"""
            for (status in listOf(200, 429, 503)) {
                val mocked = Mocked(this, policy, answer(status, """{"a":1}"""))
                mocked.client.receivePipeline.intercept(HttpReceivePipeline.State) { response ->
                    val once = ByteReadChannel("decoded ${response.bodyAsText()}")
                    proceedWith(response.call.replaceResponse { once }.response)
                }
                assertEquals("""decoded {"a":1}""", mocked.client.get(URL).bodyAsText())
            }
        }

    @Test
    fun `a head without its body, and an answer that never has one`() =
        runTest {
            val mocked = Mocked(this, PLAIN, answer(200, "", "Content-Length", "2"))
            assertEquals(200, mocked.client.prepareHead(URL).execute { it.status.value })
            val unchanged = Mocked(this, PLAIN, answer(304, "", "Content-Length", "2"))
            assertEquals(304, unchanged.client.prepareGet(URL).execute { it.status.value })
            assertEquals(1, unchanged.sent.size)
        }

    @Test
    fun `an endless body of an answer to be retried holds nothing up`() =
        runTest {
            val mocked = Mocked(this, PLAIN, pieces(503, *Array(10_000) { "x" }, every = 100), answer(200, "ok"))
            assertEquals("ok", mocked.client.prepareGet(URL).execute { it.bodyAsText() })
            assertEquals(listOf(0L, 200L), mocked.times)
        }
}
