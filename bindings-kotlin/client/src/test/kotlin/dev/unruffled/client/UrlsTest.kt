package dev.unruffled.client

import dev.unruffled.core.CallMistake
import dev.unruffled.core.Core
import dev.unruffled.core.plain
import dev.unruffled.core.text
import dev.unruffled.support.House
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.Headers
import okhttp3.HttpUrl.Companion.toHttpUrl
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

/** Plays the URL vectors that all hosts share, down to the URL that OkHttp puts on the wire. */
class UrlsTest {
    @Test
    fun `every url vector holds`() {
        val vectors = vectors("url.json")
        val failures =
            vectors.mapNotNull { vector ->
                val expected = vector.text("url") ?: vector.text("error")
                val found = runCatching { url(vector) }.getOrElse { if (it is CallMistake) "misuse" else "$it" }
                if (found == expected) null else "${vector.text("name")}: $expected expected, got $found"
            }
        println("url: ${vectors.size - failures.size} passed")
        assertEquals(emptyList<String>(), failures, failures.joinToString("\n"))
    }

    private fun url(vector: JsonObject): String {
        fun values(key: String): Map<String, Any?> = vector[key]?.jsonObject.orEmpty().mapValues { plain(it.value) }
        val also = vector["also"]?.jsonObject.orEmpty().mapValues { it.value.jsonPrimitive.content }
        val base = vector.text("base") ?: throw CallMistake("no base URL")
        val text = BaseUrl(
            base,
        ).url(Template.read(checkNotNull(vector.text("path"))), values("params"), values("query"), also)
        assertEquals(text, text.toHttpUrl().toString(), "OkHttp sends it as it is")
        return text
    }

    private fun vectors(file: String): List<JsonObject> =
        House.read(House.files("vectors/url").single { it.name == file }).jsonArray.map { it.jsonObject }

    @Test
    fun `every vector of a caller's idempotency key holds, down to the header`() {
        val core = Core("{}", false)
        for (vector in vectors("keys.json")) {
            val quoted = vector.getValue("quoted").jsonPrimitive.boolean
            val found = core.headerKey(checkNotNull(vector.text("key")), quoted)
            assertEquals(vector.text("header").orEmpty(), found, vector.text("name"))
            if (found.isNotEmpty()) Headers.headersOf("Idempotency-Key", found)
        }
        core.release()
    }

    @Test
    fun `every vector of a form holds`() {
        for (vector in vectors("forms.json")) {
            val fields = vector.getValue("form").jsonObject.mapValues { plain(it.value) }
            assertEquals(vector.text("body"), BaseUrl.form(fields), vector.text("name"))
        }
    }

    @Test
    fun `half a surrogate pair is a mistake, not a question mark`() {
        val mistake = runCatching { Percent.encode("\uD83D") }.exceptionOrNull()
        assertEquals(CallMistake::class, mistake?.let { it::class })
        assertNull(runCatching { Percent.encode("\uD83D\uDE00") }.exceptionOrNull())
    }
}
