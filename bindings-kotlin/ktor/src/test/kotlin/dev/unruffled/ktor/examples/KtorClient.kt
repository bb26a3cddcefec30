package dev.unruffled.ktor.examples

import dev.unruffled.Policy
import dev.unruffled.ktor.Unruffled
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.plugin
import io.ktor.client.request.get
import io.ktor.client.statement.bodyAsText

/** One order, by way of a Ktor client that survives the API's bad days. */
suspend fun main() {
    val api = System.getenv("API_URL")
    HttpClient(CIO) { install(Unruffled) { policy = Policy.fromUrl(api) } }.use { client ->
        val order = client.get("$api/orders/7")
        println("${order.status}: ${order.bodyAsText()}")
        println(client.plugin(Unruffled).explain(order))
    }
}
