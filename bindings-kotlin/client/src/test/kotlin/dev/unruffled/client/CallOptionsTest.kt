package dev.unruffled.client

import dev.unruffled.ApiResponse
import dev.unruffled.CallOptions
import dev.unruffled.RawServer
import dev.unruffled.Unruffled
import kotlinx.coroutines.runBlocking
import okhttp3.Response
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Options of a call: what a verb sends of them, and that they stay as they were built. */
class CallOptionsTest {
    private val server = RawServer { connection -> while (connection.request() != null) connection.answer(200, "a1".encodeToByteArray()) }
    private val client = Unruffled.client(server.base)

    @AfterEach
    fun close() {
        client.close()
        server.close()
    }

    private fun lines(): List<String> = server.seen.map { it.line.removeSuffix(" HTTP/1.1") }

    @Test
    fun `the same options serve many calls, and a builder that goes on changes none of them`() {
        val builder = CallOptions.builder().path("id", 7).query("a", 1).header("X-A", "1")
        val first = builder.build()
        val second = builder.path("id", 8).query(mapOf("a" to 2, "b" to listOf(3, 4))).header("X-A", "2").build()
        repeat(2) { client.blocking.get("/orders/{id}", first) }
        client.blocking.get("/orders/{id}", second)
        client.blocking.get("/orders", CallOptions.NONE)
        assertEquals(listOf("GET /orders/7?a=1", "GET /orders/7?a=1", "GET /orders/8?a=2&b=3&b=4", "GET /orders"), lines())
        assertEquals(listOf("1", "1", "2", null), server.seen.map { it.headers["x-a"] })
    }

    @Test
    fun `a block may call a suspending function`() =
        runBlocking<Unit> {
            val read: suspend (Response) -> Int = { it.code }
            val second = client.get("/first") { query("n", 1) }
            val answer: ApiResponse = client.post("/second/{name}") { path("name", client.get("/third").text()).json(second.text()) }
            assertEquals(200, answer.status)
            assertEquals(200, client.stream("/fourth", CallOptions { query("s", true) }, use = read))
            assertEquals(listOf("GET /first?n=1", "GET /third", "POST /second/a1", "GET /fourth?s=true"), lines())
        }
}
