package dev.unruffled

import okhttp3.RequestBody
import okio.BufferedSink
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException

/** An upload of unknown size whose pieces move: alive beyond its attempt's time, and not beyond the call's. */
class UploadTest {
    @Test
    fun `an upload without an end ends with the call's total`() {
        RawServer { connection -> while (connection.request() != null) connection.answer() }.use { server ->
            val limits = """"timeouts":{"attempt":"300ms","idle":"2s","total":"900ms"}"""
            Unruffled.client(Policy.fromString("""{"baseUrl":"${server.base}",$limits}""")).use { client ->
                var pieces = 0
                val endless =
                    object : RequestBody() {
                        override fun contentType() = null

                        override fun isOneShot() = true

                        override fun writeTo(sink: BufferedSink) {
                            while (pieces < MOST) {
                                sink.writeUtf8("piece").flush()
                                pieces++
                                Thread.sleep(PACE_MS)
                            }
                        }
                    }
                assertThrows(IOException::class.java) { client.blocking.put("/a", body = endless) }
                assertTrue(pieces in 4 until MOST, "$pieces pieces")
            }
        }
    }

    private companion object {
        const val MOST = 100
        const val PACE_MS = 100L
    }
}
