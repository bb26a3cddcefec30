package dev.unruffled.http

import dev.unruffled.CallException
import dev.unruffled.Event
import dev.unruffled.Policy
import dev.unruffled.RawServer
import dev.unruffled.Unruffled
import dev.unruffled.under.FutureCallback
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.asRequestBody
import okhttp3.Response
import okio.BufferedSink
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.net.BindException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.Proxy
import java.net.Socket
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import javax.net.SocketFactory

/** Errors of the caller's own code or machine: thrown untouched after one attempt, and not counted by the breaker. */
class OwnFailuresTest {
    private val closing = mutableListOf<AutoCloseable>()
    private val attempts = mutableListOf<String>()
    private val server =
        RawServer { connection ->
            while (true) {
                connection.request() ?: break
                connection.answer()
            }
        }.also { closing += it }

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    private class Mine : IOException("mine")

    /** Writes a piece, which arrives, and then throws. */
    private class Broken(private val error: () -> Exception) : RequestBody() {
        override fun contentType() = null

        override fun contentLength() = 100_000L

        override fun writeTo(sink: BufferedSink) {
            sink.writeUtf8("x".repeat(20_000)).flush()
            throw error()
        }
    }

    private fun policy() = Policy.fromString("""{"baseUrl":"${server.base}","retry":{"base":"10ms"}}""")

    private fun note(event: Event) {
        if (event.kind == "attempt") attempts += "${event.values["fault"]}"
    }

    /** Returns every way of making a call over [http]. */
    private fun ways(http: OkHttpClient, body: RequestBody, path: String = "/a"): Map<String, () -> Unit> {
        val client = Unruffled.client(policy()) { okHttp(http) }
        val factory = Unruffled.callFactory(policy(), http)
        val interceptor = Unruffled.interceptor(policy())
        closing += listOf(AutoCloseable(client::close), factory, interceptor)
        client.on(::note)
        factory.on(::note)
        interceptor.on(::note)
        val request = Request.Builder().url(server.base + path).put(body).build()
        val under = http.newBuilder().apply { interceptors().add(0, interceptor) }.build()
        return mapOf(
            "suspending" to { runBlocking { client.put(path) { body(body) } } },
            "blocking" to { client.blocking.put(path) { body(body) } },
            "executed" to { factory.newCall(request).execute() },
            "enqueued" to { queued(factory.newCall(request)) },
            "interceptor" to { under.newCall(request).execute() },
        )
    }

    private fun queued(call: Call): Response {
        val end = CompletableFuture<Response>().also { call.enqueue(FutureCallback(it)) }
        try {
            return end.get()
        } catch (failed: ExecutionException) {
            throw checkNotNull(failed.cause)
        }
    }

    /** Checks that each way throws the type at the first attempt, 34 times, and that the breaker stays closed. */
    private inline fun <reified T : Throwable> own(ways: Map<String, () -> Unit>, times: Int = 34) {
        for ((name, way) in ways) {
            attempts.clear()
            repeat(times) { assertThrows(T::class.java, { way() }, name) }
            assertEquals(List(times) { "refused" }, attempts, name)
        }
    }

    @Test
    fun `a body whose source throws an IOException`() = own<Mine>(ways(OkHttpClient(), Broken { Mine() }))

    @Test
    fun `a body whose source throws another exception`() {
        val ways = ways(OkHttpClient(), Broken { IllegalStateException("mine") })
        // OkHttp gives a callback only IOExceptions. Other errors are thrown on the interceptor's thread.
        own<Exception>(ways, times = 2)
    }

    @Test
    fun `a file that is not there`() =
        own<FileNotFoundException>(ways(OkHttpClient(), File("/nowhere/at/all").asRequestBody()), times = 2)

    @Test
    fun `a local address or port that cannot be had`() {
        val factory =
            object : Sockets() {
                override fun createSocket() = Socket().apply {
                    bind(InetSocketAddress(InetAddress.getByName("192.0.2.1"), 0))
                }
            }
        own<BindException>(ways(OkHttpClient.Builder().socketFactory(factory).build(), Broken { Mine() }), times = 2)
    }

    @Test
    fun `a security manager's word, and an interceptor's`() {
        val factory =
            object : Sockets() {
                override fun createSocket() = throw SecurityException("no INTERNET permission")
            }
        val denied = ways(OkHttpClient.Builder().socketFactory(factory).build(), Broken { Mine() })
        own<SecurityException>(denied.filterKeys { it != "enqueued" }, times = 2)
        val thrower = OkHttpClient.Builder().addInterceptor(Interceptor { throw SecurityException("mine") }).build()
        own<SecurityException>(
            ways(thrower, Broken { Mine() }).filterKeys {
                it in
                    setOf("suspending", "blocking", "executed")
            },
            times = 2,
        )
    }

    @Test
    fun `credentials of a proxy`() {
        val proxy =
            RawServer { connection ->
                while (connection.request() !=
                    null
                ) {
                    connection.answer(407, ByteArray(0), "Proxy-Authenticate: Basic realm=\"p\"")
                }
            }.also { closing += it }
        val address = InetSocketAddress("127.0.0.1", proxy.base.substringAfterLast(':').toInt())
        val http = OkHttpClient.Builder().proxy(Proxy(Proxy.Type.HTTP, address)).build()
        val factory = Unruffled.callFactory(policy(), http).also { closing += it }
        factory.on(::note)
        val request = Request.Builder().url("https://api.example.invalid/a").build()
        val failed = assertThrows(IOException::class.java) { factory.newCall(request).execute() }
        assertTrue(failed.message.orEmpty().contains("proxy"), "$failed")
        assertEquals(listOf("refused"), attempts)
    }

    @Test
    fun `a connection that breaks under an upload is the network's`() {
        val cutting =
            RawServer { connection ->
                connection.socket.setSoLinger(true, 0)
                connection.socket.getInputStream().read()
                connection.socket.close()
            }.also { closing += it }
        val client = Unruffled.client(Policy.fromString("""{"baseUrl":"${cutting.base}","retry":{"base":"1ms"}}"""))
        closing += AutoCloseable(client::close)
        client.on(::note)
        val endless =
            object : RequestBody() {
                override fun contentType() = null

                override fun contentLength() = 100_000_000L

                override fun writeTo(sink: BufferedSink) = repeat(1_000) { sink.write(ByteArray(100_000)) }
            }
        assertThrows(CallException::class.java) { client.blocking.put("/a") { body(endless) } }
        assertEquals(List(4) { "lost" }, attempts)
    }

    private abstract class Sockets : SocketFactory() {
        override fun createSocket(host: String, port: Int): Socket = error("unused")

        override fun createSocket(host: String, port: Int, local: InetAddress, localPort: Int): Socket = error("unused")

        override fun createSocket(host: InetAddress, port: Int): Socket = error("unused")

        override fun createSocket(host: InetAddress, port: Int, local: InetAddress, localPort: Int): Socket = error(
            "unused",
        )
    }
}
