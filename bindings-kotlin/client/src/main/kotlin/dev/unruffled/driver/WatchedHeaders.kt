package dev.unruffled.driver

import dev.unruffled.InternalUnruffledApi
import okio.Buffer
import okio.utf8Size

/** Writes the headers that the core watches. Their meaning is decided in the core. */
@InternalUnruffledApi
public object WatchedHeaders {
    /** The most bytes of all lines. */
    public const val MOST: Long = 8_192L

    /**
     * The headers among [names] as lines `name: value\n` in lower case, one per header line received, 8 KiB in all; `null` if
     * none of [signals] is there. A line that does not fit is left out. [first] gives the value by a name in lower case,
     * [each] hands over all lines.
     */
    public inline fun of(
        signals: Array<String>,
        names: Array<String>,
        first: (String) -> String?,
        each: (line: (String, String) -> Unit) -> Unit,
    ): ByteArray? {
        if (signals.none { first(it) != null }) return null
        val lines = Buffer()
        each { written, value ->
            val name = written.lowercase()
            if (name in names) {
                val line = "$name: $value\n"
                if (lines.size + line.utf8Size() <= MOST) lines.writeUtf8(line)
            }
        }
        return lines.readByteArray()
    }
}
