package dev.unruffled.examples

import dev.unruffled.CallException
import dev.unruffled.Policy
import dev.unruffled.Unruffled
import kotlinx.serialization.Serializable

@Serializable
data class Order(val sku: String)

suspend fun main() {
    val orders = Unruffled.client(Policy.fromFile("orders.policy.json")) {
        credentials { System.getenv("ORDERS_TOKEN") }
    }
    try {
        val order: Order = orders.get("/orders/{id}") { path("id", 7) }.body()
        orders.post("/orders") { json(Order(order.sku)) } // one key for all attempts: never done twice
        println(order)
    } catch (e: CallException) {
        println("${e.reason} ${e.outcome} ${e.explain()}") // outcome: "was the card charged?"
    } finally {
        orders.close()
    }
}
