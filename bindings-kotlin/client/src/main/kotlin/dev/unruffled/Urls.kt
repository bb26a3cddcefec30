package dev.unruffled

import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrlOrNull
import okio.Buffer

/** A base URL, and how a path template and a query become a URL under it. The same rules in every language. */
internal class Base(url: String) {
    private val root: HttpUrl = requireNotNull(url.toHttpUrlOrNull()) { "not a URL: $url" }
    private val prefix: String = root.toString().trimEnd('/')

    /** `https://host`, with a port where it is not the scheme's own. */
    val origin: String = root.newBuilder().encodedPath("/").query(null).fragment(null).build().toString().trimEnd('/')

    /**
     * The URL of [template] with its `{names}` filled from [path] and [query] added.
     *
     * @throws IllegalArgumentException for a name without value, a value that is no path segment, or another origin.
     */
    fun url(template: String, path: Map<String, Any>, query: Map<String, Any?>, always: Map<String, String>): HttpUrl {
        val text = StringBuilder(prefix.length + template.length + ROOM)
        if ("://" in template) {
            require(template == origin || template.startsWith("$origin/") || template.startsWith("$origin?")) {
                "the URL has another origin than the client's base URL"
            }
        } else {
            text.append(prefix)
            if (!template.startsWith("/")) text.append('/')
        }
        fill(text, template, path)
        var glue = if ('?' in template) '&' else '?'

        fun add(name: String, value: Any) {
            text.append(glue)
            encode(text, name)
            text.append('=')
            encode(text, value.toString())
            glue = '&'
        }
        for ((name, value) in always) if (name !in query) add(name, value)
        for ((name, value) in query) {
            when (value) {
                null -> Unit
                is Iterable<*> -> value.forEach { if (it != null) add(name, it) }
                is Array<*> -> value.forEach { if (it != null) add(name, it) }
                else -> add(name, value)
            }
        }
        return requireNotNull(text.toString().toHttpUrlOrNull()) { "not a URL: $template" }
    }

    private fun fill(text: StringBuilder, template: String, path: Map<String, Any>) {
        var at = 0
        while (true) {
            val open = template.indexOf('{', at)
            if (open < 0) break
            val close = template.indexOf('}', open)
            require(close > open) { "a brace is not closed in $template" }
            text.append(template, at, open)
            val name = template.substring(open + 1, close)
            val value = requireNotNull(path[name]) { "no value for {$name} in $template" }.toString()
            require(value.isNotEmpty() && value != "." && value != "..") { "the value of {$name} is no path segment" }
            encode(text, value)
            at = close + 1
        }
        text.append(template, at, template.length)
    }

    internal companion object {
        private const val ROOM = 32
        private const val HEX = "0123456789ABCDEF"
        private const val MASK = 15
        private const val BYTE = 255

        /** Percent-encodes all but RFC 3986's unreserved characters, as UTF-8. */
        fun encode(text: StringBuilder, value: String) {
            if (value.all(::unreserved)) {
                text.append(value)
                return
            }
            val bytes = Buffer().writeUtf8(value)
            while (!bytes.exhausted()) {
                val byte = bytes.readByte().toInt() and BYTE
                if (byte < 128 && unreserved(byte.toChar())) {
                    text.append(byte.toChar())
                } else {
                    text.append('%').append(HEX[byte shr 4]).append(HEX[byte and MASK])
                }
            }
        }

        private fun unreserved(c: Char): Boolean =
            c in 'a'..'z' || c in 'A'..'Z' || c in '0'..'9' || c == '-' || c == '.' || c == '_' || c == '~'
    }
}
