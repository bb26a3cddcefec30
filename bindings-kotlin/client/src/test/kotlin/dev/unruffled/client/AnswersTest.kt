package dev.unruffled.client

import dev.unruffled.CallException
import dev.unruffled.Policy
import dev.unruffled.PolicyException
import dev.unruffled.RawServer
import dev.unruffled.Reason
import dev.unruffled.StatusException
import dev.unruffled.Unruffled
import kotlinx.serialization.Serializable
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.ObjectInputStream
import java.io.ObjectOutputStream

/** Answers and exceptions of a call: bodies as values, exceptions as texts and as bytes. */
class AnswersTest {
    private val closing = mutableListOf<AutoCloseable>()

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private fun server(play: RawServer.(RawServer.Connection, RawServer.Request) -> Unit) =
        RawServer { connection ->
            while (true) play(connection, connection.request() ?: break)
        }.also { closing += it }

    private fun client(server: RawServer, more: String = "") =
        Unruffled.client(Policy.fromString("""{"baseUrl":"${server.base}","retry":{"base":"10ms"}$more}"""))
            .also { closing += AutoCloseable(it::close) }

    @Serializable
    data class Order(val sku: String)

    @Test
    fun `a byte order mark before JSON, and a 204 as Unit`() {
        val server =
            server { connection, request ->
                if ("/none" in request.line) {
                    connection.write("HTTP/1.1 204 X\r\n\r\n".toByteArray())
                } else {
                    connection.answer(200, "\uFEFF{\"sku\":\"a\"}".toByteArray())
                }
            }
        val client = client(server).blocking
        assertEquals(Order("a"), client.get("/a").body<Order>())
        assertEquals("{\"sku\":\"a\"}", client.get("/a").text())
        assertEquals(Unit, client.get("/none").body<Unit>())
    }

    @Test
    fun `the caller's own Content-Type is the one that is sent`() {
        val server = server { connection, _ -> connection.answer() }
        val client = client(server).blocking
        val patch = "application/merge-patch+json"
        client.patch("/a") { header("content-type", patch).json(mapOf("a" to 1)) }
        client.put("/a") { header("content-type", patch).body("{}".toRequestBody("text/plain".toMediaType())) }
        client.post("/a") { json(mapOf("a" to 1)) }
        assertEquals(
            listOf("application/merge-patch+json", "application/merge-patch+json", "application/json"),
            server.seen.map { it.headers["content-type"]?.substringBefore(';') },
        )
    }

    private inline fun <reified T> again(value: T): T {
        val bytes = ByteArrayOutputStream().also {
            ObjectOutputStream(it).use { out -> out.writeObject(value) }
        }.toByteArray()
        return ObjectInputStream(ByteArrayInputStream(bytes)).use { it.readObject() as T }
    }

    @Test
    fun `exceptions can be serialized`() {
        val server = server { connection, _ -> connection.answer(404, "gone".toByteArray(), "X-Why: because") }
        val client = client(server)
        val status = again(assertThrows(StatusException::class.java) { client.blocking.get("/a") })
        assertEquals(404, status.status)
        assertEquals("gone", status.text())
        assertEquals("because", status.headers["x-why"])
        client.close()
        val closed = again(assertThrows(CallException::class.java) { client.blocking.get("/a") })
        assertEquals(Reason.CLOSED, closed.reason)
        assertTrue("closed" in closed.message.orEmpty() && "closed" in closed.explain())
        val wrong =
            again(assertThrows(PolicyException::class.java) { Unruffled.client(Policy.fromString("{\"retyr\":1}")) })
        assertEquals(1, wrong.issues.size)
    }

    @Test
    fun `a record that was dropped is said to be`() {
        val server = server { connection, _ -> connection.answer(if (seen.size == 1) 503 else 200) }
        val client = client(server)
        val answer = client.blocking.get("/a")
        client.close()
        assertTrue("dropped" in answer.explain(), answer.explain())
        assertFalse("1 attempt" in answer.explain(), answer.explain())
    }

    @Test
    fun `texts show no path but the policy's pattern`() {
        val server = server { connection, _ -> connection.socket.close() }
        val secret = "bot123:SECRET"
        val routes = """"routes":{"/known/{token}/send":{"timeouts":{"total":"5s"}}}"""
        val policy = Policy.fromString("""{"baseUrl":"${server.base}","retry":{"base":"1ms"},$routes}""")
        val factory = Unruffled.callFactory(policy).also { closing += it }
        val interceptor = Unruffled.interceptor(Policy.fromString("""{"retry":{"base":"1ms"}}""")).also {
            closing += it
        }
        val under = okhttp3.OkHttpClient.Builder().addInterceptor(interceptor).build()
        val texts =
            listOf(
                factory.newCall(Request.Builder().url("${server.base}/$secret/send").build()),
                factory.newCall(Request.Builder().url("${server.base}/known/$secret/send").build()),
                under.newCall(Request.Builder().url("${server.base}/$secret/send").build()),
            ).map { call ->
                val failed = assertThrows(IOException::class.java) { call.execute() }
                failed.stackTraceToString() + factory.explain(failed)
            }
        for (text in texts) assertFalse("SECRET" in text, text)
        for (text in texts) assertTrue("GET ${server.base}" in text || "/known/{token}/send" in text, text)
        factory.close()
        val closed =
            assertThrows(IOException::class.java) {
                factory.newCall(Request.Builder().url("${server.base}/$secret").build()).execute()
            }
        assertFalse("SECRET" in closed.stackTraceToString())
        assertTrue("closed" in closed.message.orEmpty())
    }
}
