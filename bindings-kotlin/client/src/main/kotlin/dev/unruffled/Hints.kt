package dev.unruffled

import okhttp3.Headers
import okio.Buffer

/** The headers that the core wants to see, as it wants to see them. */
internal object Hints {
    private const val MOST = 8_192L

    /**
     * Lines `name: value\n` in lower case, one per header line received, 8 KiB in all; `null` if none of [watched] is there.
     * A line that does not fit is left out.
     */
    fun of(headers: Headers, watched: Array<String>): ByteArray? {
        if (watched.none { headers[it] != null }) return null
        val lines = Buffer()
        for (at in 0 until headers.size) {
            val name = headers.name(at).lowercase()
            if (name !in watched) continue
            val value = headers.value(at)
            if (lines.size + name.length + value.length + SEPARATORS > MOST) continue
            lines.writeUtf8(name).writeUtf8(": ").writeUtf8(value).writeUtf8("\n")
        }
        return lines.readByteArray()
    }

    private const val SEPARATORS = 3
}
