package dev.unruffled.client

import dev.unruffled.core.CallMistake
import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrlOrNull
import okio.Buffer

/** A path as the caller wrote it, checked and cut once; everything that could send a request elsewhere is refused here. */
internal class Template private constructor(
    /** One more than [names]; all encoded, the first begins with a slash. */
    val literals: List<String>,
    val names: List<String>,
    /** What stood after `?`, encoded. */
    val query: String,
    /** The path alone, as routes know it. */
    val path: String,
    /** Of an absolute URL, else `null`. */
    val origin: HttpUrl?,
) {
    companion object {
        /** @throws CallMistake if this is neither a path nor an absolute URL. */
        fun read(text: String): Template {
            if ('#' in text) throw CallMistake("a path has no \"#\"; write \"%23\", or leave the fragment out")
            val origin = if (text.startsWith("/")) null else origin(text)
            val rest = if (origin == null) text else afterOrigin(text)
            if (rest.any { it < ' ' || it == '\u007f' }) throw CallMistake("a path has no control characters")
            if ('\\' in rest) throw CallMistake("a path has no \"\\\"; write \"/\"")
            val path = rest.substringBefore('?')
            if (path.split('/').any(::isDots)) throw CallMistake("a path has no \".\" or \"..\" segments")
            val literals = mutableListOf<String>()
            val names = mutableListOf<String>()
            cut(path, literals, names)
            return Template(literals, names, Percent.encode(rest.substringAfter('?', ""), Percent.QUERY), path, origin)
        }

        private fun origin(text: String): HttpUrl {
            if ("://" !in text) throw CallMistake("a path begins with \"/\"")
            // Braces belong to the template, not to the origin.
            val start = text.substring(0, startOfPath(text))
            if (!start.startsWith("http://", ignoreCase = true) && !start.startsWith("https://", ignoreCase = true)) {
                throw CallMistake("only http and https are spoken here")
            }
            if ('@' in start) throw CallMistake("a URL has no user or password; use credentials")
            return start.toHttpUrlOrNull() ?: throw CallMistake("not a URL")
        }

        private fun afterOrigin(text: String): String {
            val rest = text.substring(startOfPath(text))
            return if (rest.startsWith("/")) rest else "/$rest"
        }

        private fun startOfPath(text: String): Int =
            text.indexOfAny(charArrayOf('/', '?', '\\'), text.indexOf("://") + SCHEME_END).let { if (it < 0) text.length else it }

        private fun cut(path: String, literals: MutableList<String>, names: MutableList<String>) {
            var at = 0
            while (true) {
                val open = path.indexOf('{', at)
                if (open < 0) break
                val close = path.indexOf('}', open)
                val name = if (close < 0) "" else path.substring(open + 1, close)
                if (name.isEmpty() || '{' in name) throw CallMistake("\"{\" opens a {name}")
                literals += Percent.encode(path.substring(at, open), Percent.PATH)
                names += name
                at = close + 1
            }
            literals += Percent.encode(path.substring(at), Percent.PATH)
            if (literals.any { "%7D" in it }) throw CallMistake("\"}\" closes a {name}")
        }

        /** Returns whether a segment is `.` or `..`. URL parsers read `%2e` as a dot. */
        private fun isDots(segment: String): Boolean =
            segment.length <= LONGEST_DOTS && segment.replace("%2e", ".", ignoreCase = true).let { it == "." || it == ".." }

        private const val SCHEME_END = 3
        private const val LONGEST_DOTS = 6
    }
}

/** A base URL. Makes URLs of templates and queries by the same rules in every language. */
internal class BaseUrl(url: String) {
    private val root: HttpUrl = url.toHttpUrlOrNull() ?: throw CallMistake("the base URL is not a URL")
    private val prefix: String = url.trimEnd('/')
    private val rootOrigin: String = root.newBuilder().encodedPath("/").build().toString().trimEnd('/')

    /** Scheme, host and port, as the core names the origin. */
    val origin: String get() = rootOrigin

    /**
     * The URL of [template] with its names filled from [path] and [query] added; [also] are the policy's values, which the
     * call's own replace.
     *
     * @throws CallMistake for a name without value, a value that is no segment, or another origin.
     */
    fun url(template: Template, path: Map<String, Any?>, query: Map<String, Any?>, also: Map<String, String>): String {
        val text = StringBuilder(ROOM)
        if (template.origin == null) {
            text.append(prefix)
        } else {
            if (!same(template.origin, root)) throw CallMistake("an absolute URL must have the origin of baseUrl")
            text.append(rootOrigin)
        }
        text.append(template.literals[0])
        template.names.forEachIndexed { at, name ->
            segment(text, name, path[name])
            text.append(template.literals[at + 1])
        }
        for (name in path.keys) if (name !in template.names) throw CallMistake("the path has no {${Percent.encode(name)}}")
        val start = text.length
        if (template.query.isNotEmpty()) text.append('&').append(template.query)
        if (also.isNotEmpty()) pairs(text, if (query.isEmpty()) also else also - query.keys)
        if (query.isNotEmpty()) pairs(text, query)
        if (text.length > start) text[start] = '?'
        return text.toString()
    }

    private fun segment(text: StringBuilder, name: String, value: Any?) {
        val shown = Percent.encode(name)
        val segment = scalar(shown, value ?: throw CallMistake("no value for {$shown}"))
        if (segment.isEmpty()) throw CallMistake("the value of {$shown} is empty")
        if (segment == "." || segment == "..") throw CallMistake("the value of {$shown} is \".\" or \"..\"")
        Percent.encode(segment, Percent.UNRESERVED, text)
    }

    private fun same(one: HttpUrl, other: HttpUrl): Boolean =
        one.scheme == other.scheme && one.host == other.host && one.port == other.port

    internal companion object {
        private const val ROOM = 96

        /** Appends `&a=1&a=2&b=x`; `null` leaves a name out, a list repeats it. */
        fun pairs(text: StringBuilder, values: Map<String, Any?>, allowed: BooleanArray = Percent.UNRESERVED) {
            for ((name, value) in values) {
                when (value) {
                    null -> Unit
                    is Iterable<*> -> value.forEach { pair(text, name, it, allowed) }
                    is Array<*> -> value.forEach { pair(text, name, it, allowed) }
                    else -> pair(text, name, value, allowed)
                }
            }
        }

        /** Encodes the body of a form: `application/x-www-form-urlencoded` of the URL standard. */
        fun form(values: Map<String, Any?>): String =
            buildString { pairs(this, values, Percent.FORM) }.removePrefix("&").replace(' ', '+')

        private fun pair(text: StringBuilder, name: String, value: Any?, allowed: BooleanArray) {
            if (value == null) return
            text.append('&')
            Percent.encode(name, allowed, text)
            text.append('=')
            Percent.encode(scalar(name, value), allowed, text)
        }

        /** Converts text, numbers, booleans and enums to text; a structure is a mistake. */
        private fun scalar(name: String, value: Any): String {
            val structured = value is Map<*, *> || value is Iterable<*> || value is Array<*>
            val infinite = (value is Double && !value.isFinite()) || (value is Float && !value.isFinite())
            if (structured || infinite) throw CallMistake("${Percent.encode(name)}: not a text, number or boolean")
            return value.toString()
        }
    }
}

/** Percent-encoding of text as UTF-8. */
internal object Percent {
    /** RFC 3986's unreserved characters: what a value may show as itself. */
    val UNRESERVED = allowed("-._~")

    /** The characters that a path may show, `%` included: the caller may have encoded it. */
    val PATH = allowed("-._~!$&'()*+,;=:@/%")

    /** The characters that a query may show. */
    val QUERY = allowed("-._~!$&'()*+,;=:@/%?")

    /** The characters that a form may show. A space becomes a plus afterwards. */
    val FORM = allowed("*-._ ")

    fun encode(text: String, allowed: BooleanArray = UNRESERVED): String =
        StringBuilder(text.length).also { encode(text, allowed, it) }.toString()

    /** @throws CallMistake for half a surrogate pair. */
    fun encode(text: String, allowed: BooleanArray, to: StringBuilder) {
        for (at in text.indices) {
            val c = text[at]
            if (c.code >= allowed.size || !allowed[c.code]) {
                to.append(text, 0, at)
                encodeFrom(text, at, allowed, to)
                return
            }
        }
        to.append(text)
    }

    private fun encodeFrom(text: String, start: Int, allowed: BooleanArray, to: StringBuilder) {
        var at = start
        while (at < text.length) {
            val point = text.codePointAt(at)
            if (point in SURROGATES) throw CallMistake("half a surrogate pair is no text")
            if (point < allowed.size && allowed[point]) {
                to.append(point.toChar())
            } else {
                val bytes = Buffer().writeUtf8CodePoint(point)
                while (!bytes.exhausted()) {
                    val byte = bytes.readByte().toInt()
                    to.append('%').append(HEX[byte shr 4 and MASK]).append(HEX[byte and MASK])
                }
            }
            at += Character.charCount(point)
        }
    }

    private fun allowed(more: String): BooleanArray =
        BooleanArray(ASCII) {
            val c = it.toChar()
            c in 'a'..'z' || c in 'A'..'Z' || c in '0'..'9' || c in more
        }

    private const val ASCII = 128
    private const val MASK = 15
    private const val HEX = "0123456789ABCDEF"
    private val SURROGATES = 0xD800..0xDFFF
}
