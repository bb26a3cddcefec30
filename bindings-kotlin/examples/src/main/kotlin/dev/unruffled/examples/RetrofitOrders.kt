package dev.unruffled.examples

import dev.unruffled.Policy
import dev.unruffled.Unruffled
import kotlinx.serialization.json.Json
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import retrofit2.Retrofit
import retrofit2.converter.kotlinx.serialization.asConverterFactory
import retrofit2.create
import retrofit2.http.GET
import retrofit2.http.Path

interface Orders {
    @GET("orders/{id}")
    suspend fun order(@Path("id") id: Int): Order
}

/** Uses Retrofit over an existing OkHttpClient, with one line of unruffled between them. */
suspend fun main() {
    val api = System.getenv("API_URL")
    val http = OkHttpClient()
    val calls = Unruffled.callFactory(Policy.fromUrl(api), http) // the line
    val orders =
        Retrofit.Builder()
            .baseUrl("$api/")
            .callFactory(calls)
            .addConverterFactory(Json.asConverterFactory("application/json".toMediaType()))
            .build()
            .create<Orders>()
    println(orders.order(7))
    http.dispatcher.executorService.shutdown()
}
