package dev.unruffled.client

import com.sun.net.httpserver.HttpServer
import dev.unruffled.Policy
import dev.unruffled.Unruffled
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.net.InetSocketAddress

class FirstCallTest {
    @Test
    fun `a call is answered over a real socket, suspending and blocking`() {
        val server = HttpServer.create(InetSocketAddress("127.0.0.1", 0), 0)
        server.createContext("/") { exchange ->
            val body = """{"id":7}""".encodeToByteArray()
            exchange.sendResponseHeaders(200, body.size.toLong())
            exchange.responseBody.use { it.write(body) }
        }
        server.start()
        try {
            Unruffled.client(Policy.fromString("{}")) {
                baseUrl("http://127.0.0.1:${server.address.port}/v1")
            }.use { client ->
                val map = runBlocking { client.get("/orders/{id}") { path("id", 7) }.body<Map<String, Int>>() }
                assertEquals(mapOf("id" to 7), map)
                assertEquals(200, client.blocking.get("/orders").status)
            }
        } finally {
            server.stop(0)
        }
    }
}
