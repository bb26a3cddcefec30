package dev.unruffled

import okhttp3.Headers
import okio.Buffer
import okio.utf8Size

/** The headers that the core wants to see, as it wants to see them. What they mean is the core's to know. */
internal object Hints {
    private const val MOST = 8_192L

    /**
     * The headers among [names] as lines `name: value\n` in lower case, one per header line received, 8 KiB in all; `null` if
     * none of [signals] is there. A line that does not fit is left out.
     */
    fun of(headers: Headers, signals: Array<String>, names: Array<String>): ByteArray? {
        if (!any(headers, signals)) return null
        val lines = Buffer()
        for (at in 0 until headers.size) {
            val name = headers.name(at).lowercase()
            if (name !in names) continue
            val line = "$name: ${headers.value(at)}\n"
            if (lines.size + line.utf8Size() <= MOST) lines.writeUtf8(line)
        }
        return lines.readByteArray()
    }

    private fun any(headers: Headers, names: Array<String>): Boolean {
        for (name in names) if (headers[name] != null) return true
        return false
    }
}
