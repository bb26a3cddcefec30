package orders

import dev.unruffled.Unruffled
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject

fun main() {
    Unruffled.client(System.getenv("ORDERS_URL")) { credentials { "t1" } }.use { orders ->
        val order: JsonObject = runBlocking { orders.get("/orders/{id}") { path("id", 7) }.body() }
        val again: JsonObject = orders.blocking.get("/orders/7").body()
        println("ordered ${order["sku"]} ${again["sku"]}, Kotlin ${KotlinVersion.CURRENT}")
    }
}
