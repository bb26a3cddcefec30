package dev.unruffled.clients

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.ResponseBody
import retrofit2.Call
import retrofit2.HttpException
import retrofit2.Response
import retrofit2.Retrofit
import retrofit2.converter.kotlinx.serialization.asConverterFactory
import retrofit2.create
import retrofit2.http.Body
import retrofit2.http.GET
import retrofit2.http.HeaderMap
import retrofit2.http.POST
import retrofit2.http.Streaming

/** Retrofit, with interfaces that suspend or with ones that block. */
internal class RetrofitRow(
    override val name: String,
    private val session: (Retrofit, OkHttpClient) -> Session,
) : Row {
    override val version = versionOf("retrofit")
    override val under = "callFactory()"

    override fun open(setup: Setup): Session {
        val client = setup.okHttp()
        val retrofit =
            Retrofit.Builder()
                .baseUrl("${setup.base}/")
                .callFactory(setup.calls(client))
                .addConverterFactory(Json.asConverterFactory("application/json".toMediaType()))
                .build()
        return session(retrofit, client)
    }

    companion object {
        val SUSPENDING =
            RetrofitRow("retrofit-suspend") { retrofit, client -> SuspendingRetrofit(retrofit.create(), client) }
        val BLOCKING =
            RetrofitRow("retrofit-blocking") { retrofit, client -> BlockingRetrofit(retrofit.create(), client) }
    }
}

/** The interface for coroutines. */
internal interface SuspendingThings {
    @GET("thing")
    suspend fun read(@HeaderMap headers: Map<String, String>): JsonObject

    @POST("thing")
    suspend fun write(@HeaderMap headers: Map<String, String>, @Body json: JsonElement): JsonObject

    @Streaming
    @GET("thing")
    suspend fun stream(@HeaderMap headers: Map<String, String>): Response<ResponseBody>
}

/** The interface for threads. */
internal interface BlockingThings {
    @GET("thing")
    fun read(@HeaderMap headers: Map<String, String>): Call<JsonObject>

    @POST("thing")
    fun write(@HeaderMap headers: Map<String, String>, @Body json: JsonElement): Call<JsonObject>

    @Streaming
    @GET("thing")
    fun stream(@HeaderMap headers: Map<String, String>): Call<ResponseBody>
}

private class SuspendingRetrofit(private val things: SuspendingThings, private val client: OkHttpClient) : Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = things.read(turn.headers).let(Thing::check).let { OK }

    override suspend fun write(turn: Turn): Int =
        things.write(turn.headers, turn.json ?: JsonNull).let(Thing::check).let { OK }

    override suspend fun stream(turn: Turn): Int {
        val response = things.stream(turn.headers)
        val body = response.body() ?: throw HttpException(response)
        turn.opened(response.code())
        return turn.blocking { turn.drain(body) }.let { response.code() }
    }

    override fun status(error: Throwable): Int? = (error as? HttpException)?.code()

    override fun close() = client.letGo()
}

private class BlockingRetrofit(private val things: BlockingThings, private val client: OkHttpClient) : Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = whole(turn, things.read(turn.headers))

    override suspend fun write(turn: Turn): Int = whole(turn, things.write(turn.headers, turn.json ?: JsonNull))

    override suspend fun stream(turn: Turn): Int =
        turn.blocking {
            val call = things.stream(turn.headers)
            turn.onCancel(call::cancel)
            val response = call.execute()
            response.body()?.let { body ->
                turn.opened(response.code())
                turn.drain(body)
            }
            response.code()
        }

    private suspend fun whole(turn: Turn, call: Call<JsonObject>): Int =
        turn.blocking {
            turn.onCancel(call::cancel)
            val response = call.execute()
            response.body()?.let(Thing::check)
            response.code()
        }

    override fun cancelled(error: Throwable): Boolean = error.message == "Canceled"

    override fun close() = client.letGo()
}

private const val OK = 200
private const val PIECE = 8_192

/** Reads a body piece by piece. */
internal fun Turn.drain(body: ResponseBody) =
    body.use {
        val source = it.source()
        val piece = ByteArray(PIECE)
        while (true) {
            val size = source.read(piece)
            if (size < 0) break
            piece(size)
        }
    }

/** Releases a client's threads and connections. */
internal fun OkHttpClient.letGo() {
    dispatcher.executorService.shutdown()
    connectionPool.evictAll()
}
