package dev.unruffled

import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

/** What the caller of a verb wrote wrongly is said in the form of every failure, and nothing is sent. */
class CallMistakesTest {
    private val server = RawServer { connection -> while (connection.request() != null) connection.answer() }
    private val idempotency = """"idempotency":{"header":"Idempotency-Key","format":"sf-string"}"""
    private val client = Unruffled.client(Policy.fromString("""{"baseUrl":"${server.base}",$idempotency}"""))

    @AfterEach
    fun close() {
        client.close()
        server.close()
    }

    private fun said(call: () -> Unit): String? = assertThrows(IllegalArgumentException::class.java, call).message

    @Test
    fun `a key that fits no header`() {
        val rule = "IdempotencyKey has 1 to 255 printable ASCII characters and no space at its ends"
        for (key in listOf(" a", "a\nb", "\u043a\u043b\u044e\u0447", "a".repeat(256))) {
            val said = said { client.blocking.post("/a", idempotencyKey = key) }
            assertEquals("POST /a: nothing was sent (misuse, outcome not-sent). $rule.", said)
        }
        assertEquals(0, server.seen.size)
    }

    @Test
    fun `a key that fits is a string of its own, and only once`() {
        for ((key, header) in listOf("a\"b\\c" to "\"a\\\"b\\\\c\"", "\"abc\"" to "\"abc\"")) {
            client.blocking.post("/a", idempotencyKey = key)
            assertEquals(header, server.seen.last().headers["idempotency-key"])
        }
    }

    @Test
    fun `a form is encoded as browsers do`() {
        client.blocking.post("/a", form = mapOf("a" to "b c", "d" to listOf("~", "*")))
        assertEquals("a=b+c&d=%7E&d=*", server.seen.last().body.decodeToString())
    }

    @Test
    fun `a name without a value, and a header that is none`() {
        val text = said { client.blocking.get("/orders/{id}") }
        assertEquals("GET /orders/{id}: nothing was sent (misuse, outcome not-sent). No value for {id}.", text)
        val header = said { client.blocking.get("/a?b=secret", headers = mapOf("X-A" to "secret\n")) }
        assertEquals(
            "GET /a: nothing was sent (misuse, outcome not-sent). The header X-A has a letter that no header may have.",
            header,
        )
    }
}
