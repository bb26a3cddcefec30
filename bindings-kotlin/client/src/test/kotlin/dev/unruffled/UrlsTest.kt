package dev.unruffled

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class UrlsTest {
    private val base = Base("https://api.example.com/v1")

    private fun url(template: String, path: Map<String, Any?> = emptyMap(), query: Map<String, Any?> = emptyMap()) =
        base.url(Template.read(template), path, query, emptyMap())

    @Test
    fun `a path is appended to the base URL's, values are encoded, nulls left out, lists repeated`() {
        assertEquals("https://api.example.com/v1/orders/a%2Fb%20%C3%A9", url("/orders/{id}", mapOf("id" to "a/b é")))
        assertEquals(
            "https://api.example.com/v1/orders?a=1&a=2&c=x%26y",
            url("/orders", query = mapOf("a" to listOf(1, 2), "b" to null, "c" to "x&y")),
        )
        assertEquals("https://api.example.com/other?x=1", url("https://API.example.com:443/other?x=1"))
    }

    @Test
    fun `what could send a request elsewhere is refused`() {
        for (template in listOf("orders", "/a/../b", "/a/%2e%2E", "/a#b", "/a\\b", "https://evil.example.com/v1", "/{", "/a}", "ftp://x/")) {
            assertThrows(CallMistake::class.java, { url(template) }, template)
        }
        for (value in listOf("", ".", "..", null, listOf(1), Double.NaN)) {
            assertThrows(CallMistake::class.java, { url("/{id}", mapOf("id" to value)) }, "$value")
        }
        assertThrows(CallMistake::class.java) { url("/a", mapOf("id" to 1)) }
    }
}
