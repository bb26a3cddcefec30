package dev.unruffled.bench

import dev.unruffled.Policy
import dev.unruffled.ktor.Unruffled
import io.ktor.client.HttpClientConfig
import kotlinx.coroutines.suspendCancellableCoroutine
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.Response
import okhttp3.ResponseBody.Companion.toResponseBody
import java.io.BufferedInputStream
import java.io.Closeable
import java.io.IOException
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import kotlin.concurrent.thread
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException

internal const val BODY = """{"id":7,"sku":"a1"}"""

/** Makes an OkHttp client that answers by itself, before it looks for a connection. */
internal fun stubbed(): OkHttpClient =
    OkHttpClient.Builder().addInterceptor(
        Interceptor { chain ->
            Response.Builder().request(chain.request()).protocol(Protocol.HTTP_1_1).code(200).message("OK")
                .header("Content-Type", "application/json").body(BODY.toResponseBody()).build()
        },
    ).build()

/** Installs our plugin in Ktor's client. */
internal fun HttpClientConfig<*>.unruffled(base: String) {
    install(Unruffled) { policy = Policy.fromUrl(base) }
}

/** A minimal server: one thread for each connection, one answer to every request. */
internal class LoopbackServer : Closeable {
    private val listening = ServerSocket(0, 128, InetAddress.getLoopbackAddress())

    val base: String = "http://127.0.0.1:${listening.localPort}"

    init {
        thread(isDaemon = true) {
            while (!listening.isClosed) {
                val socket = runCatching { listening.accept() }.getOrNull() ?: break
                thread(isDaemon = true) { runCatching { serve(socket) } }
            }
        }
    }

    private fun serve(socket: Socket) {
        socket.use {
            socket.tcpNoDelay = true
            val from = BufferedInputStream(socket.getInputStream())
            val to = socket.getOutputStream()
            var matched = 0
            while (true) {
                val byte = from.read()
                if (byte < 0) return
                matched =
                    when (byte) {
                        END[matched].code -> matched + 1
                        END[0].code -> 1
                        else -> 0
                    }
                if (matched == END.length) {
                    to.write(ANSWER)
                    matched = 0
                }
            }
        }
    }

    override fun close() = listening.close()

    private companion object {
        const val END = "\r\n\r\n"
        val ANSWER =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n$BODY"
                .encodeToByteArray()
    }
}

/** Makes one GET by bare OkHttp, on this thread. */
internal fun Call.Factory.fetch(url: String): ByteArray =
    newCall(Request.Builder().url(url).build()).execute().use { it.body.bytes() }

/** Makes the same GET for a coroutine, by the usual adapter. */
internal suspend fun Call.Factory.await(url: String): ByteArray =
    suspendCancellableCoroutine { continuation ->
        val call = newCall(Request.Builder().url(url).build())
        continuation.invokeOnCancellation { call.cancel() }
        call.enqueue(
            object : Callback {
                override fun onFailure(call: Call, e: IOException) = continuation.resumeWithException(e)

                override fun onResponse(call: Call, response: Response) =
                    continuation.resume(response.use { it.body.bytes() })
            },
        )
    }
