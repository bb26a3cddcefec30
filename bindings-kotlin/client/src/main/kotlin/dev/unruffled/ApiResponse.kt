package dev.unruffled

import kotlinx.serialization.DeserializationStrategy
import kotlinx.serialization.KSerializer
import kotlinx.serialization.builtins.serializer
import kotlinx.serialization.json.Json
import kotlinx.serialization.serializer
import okhttp3.Headers
import okhttp3.MediaType.Companion.toMediaTypeOrNull

/** A whole answer: nothing is open, nothing has to be closed. */
public class ApiResponse internal constructor(
    /** The HTTP status. */
    public val status: Int,
    /** The answer's headers. */
    public val headers: Headers,
    /** The body; empty if the answer has no body. */
    public val bytes: ByteArray,
    /** Whether this status (404, 410, 412) may be the echo of an earlier attempt that was applied. */
    public val maybeApplied: Boolean,
    private val json: Json,
    private val explanation: () -> String,
) {
    private val table by lazy(explanation)

    /** Returns the body as text, in the charset that `Content-Type` names, else UTF-8. */
    public fun text(): String = bytes.asText(headers["Content-Type"])

    /**
     * Reads the body as JSON into a value of [T]. No body at all gives `null` where [T] allows it, and `Unit`.
     *
     * @throws kotlinx.serialization.SerializationException if the body is not such a value.
     */
    public inline fun <reified T> body(): T = body(serializer<T>())

    /** Reads the body as JSON into a value of [T] by [serializer]. */
    public fun <T> body(serializer: KSerializer<T>): T = read(serializer)

    private fun <T> read(strategy: DeserializationStrategy<T>): T {
        val text = text()
        if (text.isBlank()) {
            if (strategy.descriptor.isNullable) return json.decodeFromString(strategy, "null")
            if (strategy.descriptor == Unit.serializer().descriptor) return json.decodeFromString(strategy, "{}")
        }
        return json.decodeFromString(strategy, text)
    }

    /** Returns a short table of each attempt, each wait and the rule that required it. */
    public fun explain(): String = table

    /** Returns status and size; no header and no body. */
    override fun toString(): String = "ApiResponse($status, ${bytes.size} bytes)"
}

/** Reads bytes in the charset that a `Content-Type` names, else UTF-8, without a byte order mark. */
internal fun ByteArray.asText(contentType: String?): String =
    String(this, contentType?.toMediaTypeOrNull()?.charset() ?: Charsets.UTF_8).removePrefix("\uFEFF")
