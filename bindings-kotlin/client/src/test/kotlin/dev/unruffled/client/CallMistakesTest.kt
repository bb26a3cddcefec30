package dev.unruffled.client

import dev.unruffled.BlockingClient
import dev.unruffled.CallException
import dev.unruffled.CallOptions
import dev.unruffled.Client
import dev.unruffled.JavaClient
import dev.unruffled.Outcome
import dev.unruffled.Policy
import dev.unruffled.PolicyException
import dev.unruffled.RawServer
import dev.unruffled.Reason
import dev.unruffled.Unruffled
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import java.util.concurrent.ExecutionException

/** Mistakes of a caller of a verb: each has the form of every failure, and nothing is sent. */
class CallMistakesTest {
    private val server = RawServer { connection -> while (connection.request() != null) connection.answer() }
    private val idempotency = """"idempotency":{"header":"Idempotency-Key","format":"sf-string"}"""
    private val client = Unruffled.client(Policy.fromString("""{"baseUrl":"${server.base}",$idempotency}"""))

    @AfterEach
    fun close() {
        client.close()
        server.close()
    }

    private fun said(call: () -> Unit): String? {
        val failed = assertThrows(CallException::class.java, call)
        assertEquals(Reason.MISUSE, failed.reason)
        assertEquals(Outcome.NOT_SENT, failed.outcome)
        assertEquals(0, failed.attempts)
        assertEquals(failed.message?.substringAfter(": "), failed.explain())
        return failed.message
    }

    private fun alike(sentence: String, call: suspend (Client) -> Unit, blocking: (BlockingClient) -> Unit) {
        assertEquals(sentence, said { runBlocking { call(client) } }, "suspending")
        assertEquals(sentence, said { blocking(client.blocking) }, "blocking")
    }

    @Test
    fun `a key that fits no header`() {
        val rule = "IdempotencyKey has 1 to 255 printable ASCII characters and no space at its ends"
        for (key in listOf(" a", "a\nb", "\u043a\u043b\u044e\u0447", "a".repeat(256))) {
            val said = said { client.blocking.post("/a") { idempotencyKey(key) } }
            assertEquals("POST /a: nothing was sent (misuse, outcome not-sent). $rule.", said)
        }
        assertEquals(0, server.seen.size)
    }

    @Test
    fun `a key that fits is a string of its own, and only once`() {
        for ((key, header) in listOf("a\"b\\c" to "\"a\\\"b\\\\c\"", "\"abc\"" to "\"abc\"")) {
            client.blocking.post("/a") { idempotencyKey(key) }
            assertEquals(header, server.seen.last().headers["idempotency-key"])
        }
    }

    @Test
    fun `a form is encoded as browsers do`() {
        client.blocking.post("/a") { form(mapOf("a" to "b c", "d" to listOf("~", "*"))) }
        assertEquals("a=b+c&d=%7E&d=*", server.seen.last().body.decodeToString())
    }

    @Test
    fun `every option that is no request, on a thread, suspending and streamed`() {
        val begin = "nothing was sent (misuse, outcome not-sent)."
        alike("GET x: $begin A path begins with \"/\".", { it.get("x") }, { it.get("x") })
        val odd = mapOf("a" to mapOf("b" to 1))
        alike("GET /a: $begin A: not a text, number or boolean.", { it.get("/a") { query(odd) } }, { it.get("/a") { query(odd) } })
        val form = mapOf("c" to "d")
        alike(
            "POST /a: $begin Json, form and body exclude each other.",
            { it.post("/a") { json(1).form(form) } },
            { it.post("/a") { json(1).form(form) } },
        )
        alike("GET /a: $begin This method takes no body.", { it.call("GET", "/a") { json(1) } }, { it.call("GET", "/a") { json(1) } })
        alike("GE T /a: $begin The method is no name of one.", { it.call("GE T", "/a") }, { it.call("GE T", "/a") })
        alike("GET a: $begin A path begins with \"/\".", { it.stream("a") { } }, { it.stream("a") { } })
        val returned = CallOptions { raise(false) }
        val streamed = "A stream throws a status of 400 or above; leave raise(false) out."
        alike("GET /a: $begin $streamed", { it.stream("/a", returned) { } }, { it.stream("/a", returned) { } })
        assertEquals(0, server.seen.size)
    }

    @Test
    fun `a correlation id that fits no header, and a future from Java`() {
        val policy = """{"baseUrl":"${server.base}","correlationId":"X-Correlation-Id"}"""
        val text = "GET /a: nothing was sent (misuse, outcome not-sent). The header X-Correlation-Id has a letter that no header may have."
        Unruffled.client(Policy.fromString(policy)) { correlationId { "secret\n" } }.use { correlated ->
            assertEquals(text, said { correlated.blocking.get("/a") })
        }
        JavaClient.builder(server.base).build().use { java ->
            val failed = assertThrows(ExecutionException::class.java) { java.getAsync("a").get() }
            assertEquals(Reason.MISUSE, (failed.cause as CallException).reason)
        }
        assertEquals(0, server.seen.size)
    }

    @Test
    fun `a client's own options are wrong before there is a call`() {
        assertThrows(IllegalArgumentException::class.java) { Unruffled.client("ftp://x") }
        assertThrows(PolicyException::class.java) { Unruffled.client(Policy.fromString("""{"retrys":1}""")) }
    }

    @Test
    fun `a name without a value, and a header that is none`() {
        val text = said { client.blocking.get("/orders/{id}") }
        assertEquals("GET /orders/{id}: nothing was sent (misuse, outcome not-sent). No value for {id}.", text)
        val header = said { client.blocking.get("/a?b=secret") { header("X-A", "secret\n") } }
        assertEquals(
            "GET /a: nothing was sent (misuse, outcome not-sent). The header X-A has a letter that no header may have.",
            header,
        )
    }
}
