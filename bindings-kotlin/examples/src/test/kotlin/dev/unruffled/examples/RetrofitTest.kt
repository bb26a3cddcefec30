package dev.unruffled.examples

import com.sun.net.httpserver.HttpServer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File
import java.net.InetSocketAddress
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger

/** Plays the Retrofit example as a program of its own, against an API that is down at first. */
class RetrofitTest {
    @Test
    fun `an answer of 503 is made good by the next`() {
        val asked = AtomicInteger()
        val server = HttpServer.create(InetSocketAddress("127.0.0.1", 0), 0)
        server.createContext("/") { exchange ->
            val body = """{"sku":"a1"}""".encodeToByteArray()
            exchange.sendResponseHeaders(if (asked.incrementAndGet() == 1) UNAVAILABLE else OK, body.size.toLong())
            exchange.responseBody.use { it.write(body) }
        }
        server.start()
        try {
            val java = File(System.getProperty("java.home"), "bin/java").path
            val path = System.getProperty("java.class.path")
            val command = listOf(java, "-cp", path, "dev.unruffled.examples.RetrofitOrdersKt")
            val process =
                ProcessBuilder(command).redirectErrorStream(true).apply {
                    environment()["API_URL"] = "http://127.0.0.1:${server.address.port}"
                }.start()
            val text = process.inputStream.reader().readText()
            check(process.waitFor(1, TimeUnit.MINUTES)) { "it does not end: $text" }
            assertEquals(0, process.exitValue(), text)
            assertEquals("Order(sku=a1)", text.trim().lines().last())
            assertEquals(2, asked.get())
        } finally {
            server.stop(0)
        }
    }

    private companion object {
        const val OK = 200
        const val UNAVAILABLE = 503
    }
}
