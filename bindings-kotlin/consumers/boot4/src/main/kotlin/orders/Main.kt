package orders

import dev.unruffled.Client
import dev.unruffled.Unruffled
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject
import org.springframework.boot.CommandLineRunner
import org.springframework.boot.SpringBootVersion
import org.springframework.boot.autoconfigure.SpringBootApplication
import org.springframework.boot.runApplication
import org.springframework.context.annotation.Bean
import org.springframework.context.annotation.Configuration

@SpringBootApplication
class Main(private val orders: Client) : CommandLineRunner {
    override fun run(vararg words: String) {
        val order: JsonObject = runBlocking { orders.get("/orders/{id}") { path("id", 7) }.body() }
        val again: JsonObject = orders.blocking.get("/orders/7").body()
        val versions = "Kotlin ${KotlinVersion.CURRENT}, Spring Boot ${SpringBootVersion.getVersion()}"
        println("ordered ${order["sku"]} ${again["sku"]}, $versions")
    }
}

@Configuration
class Clients {
    @Bean
    fun client(): Client = Unruffled.client(System.getenv("ORDERS_URL")) { credentials { "t1" } }
}

fun main(words: Array<String>) {
    runApplication<Main>(*words)
}
