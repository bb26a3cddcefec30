package dev.unruffled.ktor

import io.ktor.client.content.LocalFileContent
import io.ktor.client.engine.mock.toByteArray
import io.ktor.client.plugins.onUpload
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.forms.ChannelProvider
import io.ktor.client.request.forms.FormDataContent
import io.ktor.client.request.forms.InputProvider
import io.ktor.client.request.forms.MultiPartFormDataContent
import io.ktor.client.request.forms.formData
import io.ktor.client.request.put
import io.ktor.client.request.setBody
import io.ktor.http.ContentType
import io.ktor.http.content.ByteArrayContent
import io.ktor.http.content.ChannelWriterContent
import io.ktor.http.content.OutputStreamContent
import io.ktor.http.content.TextContent
import io.ktor.http.parametersOf
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.writeStringUtf8
import kotlinx.coroutines.test.runTest
import kotlinx.io.Buffer
import kotlinx.io.writeString
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** Requests that can be sent again: each time with the same bytes. */
class BodiesTest {
    private val text = "the same, byte for byte"

    /** Returns how often a PUT is sent that is refused twice. Checks that each attempt has all of its body. */
    private fun attempts(holds: String = text, dress: HttpRequestBuilder.() -> Unit): Int {
        var count = 0
        runTest {
            val bodies = mutableListOf<ByteArray>()
            val refuse: Handler = { request ->
                bodies += request.body.toByteArray()
                answer(503)(request)
            }
            val mocked = Mocked(this, PLAIN, refuse, refuse, { request ->
                bodies += request.body.toByteArray()
                answer(200)(request)
            })
            mocked.client.put(URL) { dress() }
            for (body in bodies) assertArrayEquals(bodies[0], body)
            assertTrue(holds in bodies[0].decodeToString())
            count = mocked.sent.size
        }
        return count
    }

    @Test
    fun `bytes, text, forms and files are sent again`() {
        val file = File.createTempFile("unruffled", ".txt").apply { writeText(text) }
        assertEquals(3, attempts("") { })
        assertEquals(3, attempts { setBody(text) })
        assertEquals(3, attempts { setBody(text.encodeToByteArray()) })
        assertEquals(3, attempts { setBody(TextContent(text, ContentType.Text.Plain)) })
        assertEquals(3, attempts { setBody(ByteArrayContent(text.encodeToByteArray())) })
        assertEquals(3, attempts("a=b") { setBody(FormDataContent(parametersOf("a", "b"))) })
        assertEquals(3, attempts { setBody(LocalFileContent(file)) })
        file.delete()
    }

    @Test
    fun `a multipart body of texts, bytes and buffers is sent again`() {
        val parts =
            formData {
                append("text", text)
                append("bytes", text.encodeToByteArray())
                append("buffer", Buffer().apply { writeString(text) })
            }
        assertEquals(3, attempts { setBody(MultiPartFormDataContent(parts)) })
    }

    @Test
    fun `what can be read only once is sent once`() {
        assertEquals(1, attempts { setBody(ByteReadChannel(text)) })
        assertEquals(1, attempts { setBody(text.byteInputStream()) })
        assertEquals(1, attempts { setBody(ChannelWriterContent({ writeStringUtf8(text) }, ContentType.Text.Plain)) })
        assertEquals(1, attempts("") { setBody(OutputStreamContent({ write(1) }, ContentType.Text.Plain)) })
        val one = Buffer().apply { writeString(text) }
        val input = formData { append("a", InputProvider { one }) }
        assertEquals(1, attempts { setBody(MultiPartFormDataContent(input)) })
        val channel = ByteReadChannel(text)
        val channels = formData { append("a", ChannelProvider { channel }) }
        assertEquals(1, attempts { setBody(MultiPartFormDataContent(channels)) })
    }

    @Test
    fun `a body whose progress is watched is what it is`() {
        for ((body, sent) in listOf(text to 3, ByteReadChannel(text) to 1)) {
            val seen =
                attempts {
                    setBody(body)
                    onUpload { _, _ -> }
                }
            assertEquals(sent, seen)
        }
    }
}
