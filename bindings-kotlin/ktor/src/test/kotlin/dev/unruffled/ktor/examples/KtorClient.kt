package dev.unruffled.ktor.examples

import dev.unruffled.Policy
import dev.unruffled.ktor.Unruffled
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.plugin
import io.ktor.client.request.get
import io.ktor.client.statement.bodyAsText

/** Gets one order by a Ktor client that retries while the API fails. */
suspend fun main() {
    val api = System.getenv("API_URL")
    HttpClient(CIO) { install(Unruffled) { policy = Policy.fromUrl(api) } }.use { client ->
        val order = client.get("$api/orders/7")
        println("${order.status}: ${order.bodyAsText()}")
        println(client.plugin(Unruffled).explain(order))
    }
}
