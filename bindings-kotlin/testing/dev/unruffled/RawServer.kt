package dev.unruffled

import java.io.BufferedInputStream
import java.io.Closeable
import java.io.IOException
import java.io.InputStream
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** A server of bytes: [play] has each connection and the number of it, from 0, on a thread of its own. */
internal class RawServer(
    private val listening: ServerSocket = ServerSocket(0, 50, InetAddress.getLoopbackAddress()),
    private val play: RawServer.(Connection) -> Unit,
) : Closeable {

    /** The requests that were received, in order. */
    val seen = CopyOnWriteArrayList<Request>()

    val base = "http://127.0.0.1:${listening.localPort}"

    /** The number of connections. */
    val connections = AtomicInteger()

    class Request(val line: String, val headers: Map<String, String>, val body: ByteArray)

    inner class Connection(val number: Int, val socket: Socket) {
        private val input: InputStream = BufferedInputStream(socket.getInputStream())

        /** Reads the next request, its body by length or chunks; `null` at the end of the connection. */
        fun request(): Request? {
            val line = line() ?: return null
            val headers = generateSequence { line()?.ifEmpty { null } }.associate {
                it.substringBefore(':').lowercase() to
                    it.substringAfter(':').trim()
            }
            val body = if (headers["transfer-encoding"] ==
                "chunked"
            ) {
                chunks()
            } else {
                input.readNBytes(headers["content-length"]?.toInt() ?: 0)
            }
            if (body.size < (headers["content-length"]?.toInt() ?: 0)) return null
            return Request(line, headers, body).also { seen += it }
        }

        fun answer(status: Int = 200, body: ByteArray = "{}".toByteArray(), vararg headers: String) {
            val head = listOf(
                "HTTP/1.1 $status X",
                "Content-Length: ${body.size}",
                *headers,
            ).joinToString("\r\n", postfix = "\r\n\r\n")
            write(head.toByteArray() + body)
        }

        fun write(bytes: ByteArray) = socket.getOutputStream().run {
            write(bytes)
            flush()
        }

        private fun chunks(): ByteArray {
            var all = ByteArray(0)
            while (true) {
                val size = (line() ?: throw IOException("cut")).toInt(16)
                all += input.readNBytes(size)
                line()
                if (size == 0) return all
            }
        }

        private fun line(): String? {
            val text = StringBuilder()
            while (true) {
                val byte = input.read()
                if (byte < 0) return null
                if (byte == '\n'.code) return text.toString().trimEnd('\r')
                text.append(byte.toChar())
            }
        }
    }

    init {
        thread(isDaemon = true) {
            var number = 0
            while (true) {
                val socket = runCatching { listening.accept() }.getOrNull() ?: break
                // Under load a connection may be accepted while the server is being closed.
                if (listening.isClosed) {
                    socket.close()
                    break
                }
                val connection = Connection(number++, socket)
                connections.incrementAndGet()
                thread(isDaemon = true) { runCatching { socket.use { play(connection) } } }
            }
        }
    }

    override fun close() = listening.close()
}
