package dev.unruffled.clients

import kotlinx.serialization.json.JsonNull
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import java.util.concurrent.TimeUnit

/** OkHttp by itself, from threads. */
internal object OkHttpRow : Row {
    override val name = "okhttp"
    override val version = versionOf("okhttp")
    override val under = "callFactory()"
    override val modes = listOf(Mode.BARE)

    override fun open(setup: Setup): Session {
        val client = setup.okHttp()
        return OkHttpSession(client, client, setup)
    }
}

/** OkHttp as its user makes it: the token by an interceptor, a new one by an authenticator. */
internal fun Setup.okHttp(): OkHttpClient =
    OkHttpClient.Builder()
        .apply {
            if (mode == Mode.BARE && attemptMs != null) callTimeout(attemptMs, TimeUnit.MILLISECONDS)
            if (tokens != null) {
                addInterceptor { chain ->
                    chain.proceed(chain.request().newBuilder().header("Authorization", "Bearer ${tokens.now}").build())
                }
                authenticator(
                    Authenticator { _, response ->
                        if (response.priorResponse != null) return@Authenticator null
                        val old = response.request.header("Authorization").orEmpty().removePrefix("Bearer ")
                        response.request.newBuilder().header("Authorization", "Bearer ${tokens.after(old)}").build()
                    },
                )
            }
        }
        .build()

/** Calls made by hand through [calls], which stands on [client]. */
internal class OkHttpSession(
    private val client: OkHttpClient,
    private val calls: Call.Factory,
    private val setup: Setup,
) :
    Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = whole(turn, request(turn).build())

    override suspend fun write(turn: Turn): Int {
        val body = (turn.json ?: JsonNull).toString().toRequestBody("application/json".toMediaType())
        return whole(turn, request(turn).post(body).build())
    }

    override suspend fun stream(turn: Turn): Int =
        turn.blocking {
            val call = calls.newCall(request(turn).build())
            turn.onCancel(call::cancel)
            call.execute().use { response ->
                turn.opened(response.code)
                val source = response.body.source()
                val piece = ByteArray(PIECE)
                while (true) {
                    val size = source.read(piece)
                    if (size < 0) break
                    turn.piece(size)
                }
                response.code
            }
        }

    private suspend fun whole(turn: Turn, request: Request): Int =
        turn.blocking {
            val call = calls.newCall(request)
            turn.onCancel(call::cancel)
            call.execute().use { response ->
                val text = response.body.string()
                if (response.isSuccessful) Thing.check(text)
                response.code
            }
        }

    private fun request(turn: Turn): Request.Builder =
        Request.Builder().url("${setup.base}/thing").apply {
            turn.headers.forEach { (name, value) -> header(name, value) }
        }

    /** OkHttp says it in the text alone. */
    override fun cancelled(error: Throwable): Boolean = error.message == "Canceled"

    override fun close() {
        client.dispatcher.executorService.shutdown()
        client.connectionPool.evictAll()
    }

    private companion object {
        const val PIECE = 8_192
    }
}
