package orders

import dev.unruffled.Policy
import dev.unruffled.ktor.Unruffled
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.request.bearerAuth
import io.ktor.client.request.get
import io.ktor.client.statement.bodyAsText
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject

fun main() {
    val url = System.getenv("ORDERS_URL")
    dev.unruffled.Unruffled.client(url) { credentials { "t1" } }.use { orders ->
        val order: JsonObject = runBlocking { orders.get("/orders/{id}") { path("id", 7) }.body() }
        HttpClient(CIO) { install(Unruffled) { policy = Policy.fromUrl(url) } }.use { ktor ->
            val again = runBlocking { ktor.get("$url/orders/7") { bearerAuth("t1") }.bodyAsText() }
            println("ordered ${order["sku"]} $again, Kotlin ${KotlinVersion.CURRENT}")
        }
    }
}
