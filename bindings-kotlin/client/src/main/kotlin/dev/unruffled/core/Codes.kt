package dev.unruffled.core

import dev.unruffled.InternalUnruffledApi

/**
 * The core's answer to every input: `arg · 4096 + flags · 16 + kind`, at most 52 bits. The tables here are those of
 * `core/src/step.rs` and `core/src/failure.rs`; `tests/codes.json` is checked against both.
 */
internal object StepWord {
    const val SEND = 0
    const val WAIT = 1
    const val PARK = 2
    const val REFRESH = 3
    const val DELIVER = 4
    const val FAIL = 5
    const val MISUSE = 6
    const val DONE = 7

    const val WAKES = 1
    const val EVENTS = 2
    const val KEY = 4
    const val TOKEN = 8
    const val REPORT = 16
    const val FRESH = 32
    const val APPLIED = 64
    const val RESPONSE = 128

    /** Flags of a Refresh, in the place of FRESH and APPLIED: why a token is needed. Neither: there was none before. */
    const val NEED_EXPIRED = FRESH
    const val NEED_REFUSED = APPLIED

    /** `retryAfterMs` of a failure that knows no time. */
    const val NO_TIME = 0xFFFF_FFFFL

    /** The code of `Misuse(live)`: the call id is taken, the next one may be free. */
    const val MISUSE_LIVE = 2L

    /** The code of `Misuse(unknown)`: no such engine or call. */
    const val MISUSE_UNKNOWN = 1L

    fun kind(word: Long): Int = (word and 15).toInt()

    fun arg(word: Long): Long = word ushr 12

    fun has(
        word: Long,
        flag: Int,
    ): Boolean = (word shr 4).toInt() and flag != 0
}

/** How an attempt broke without an answer, as the core numbers it. */
@InternalUnruffledApi
public enum class Fault(
    public val text: String,
    public val code: Int,
) {
    LOST("lost", 0),
    TIMEOUT("timeout", 1),
    UNSENT("unsent", 2),
    CONNECT_TIMEOUT("connect-timeout", 3),
    OFFLINE("offline", 4),
    TRUNCATED("truncated", 5),
    CANCELLED("cancelled", 6),
    REFUSED("refused", 7),
    TOO_LARGE("too-large", 8),
    PERMANENT("permanent", 11),
}

/** The cause that the platform gives for a [Fault]. It is sent to the core with the fault. */
@InternalUnruffledApi
public enum class Cause(
    public val text: String,
) {
    NONE("none"),
    CONNECTION_REFUSED("connection-refused"),
    NO_SUCH_NAME("no-such-name"),
    CERTIFICATE("certificate"),
    NO_TLS("no-tls"),
    PROTOCOL("protocol"),
    UNREACHABLE("unreachable"),
    RESET("reset"),
    CREDENTIAL("credential"),
    ;

    /** Added to the fault's code. */
    public val code: Int get() = ordinal shl SHIFT

    private companion object {
        const val SHIFT = 8
    }
}

/**
 * Stands beside a status that came by a redirect which the platform followed; the upper 16 bits are the scope that
 * answered.
 */
internal const val REDIRECTED = 1 shl 15

/** The status of an answer after a redirect, as the core takes it. A scope beyond 16 bits does not fit beside it. */
internal fun redirected(status: Int, scope: Int): Int =
    if (scope ushr SCOPE_BITS == 0) status or REDIRECTED or (scope shl SCOPE_BITS) else status

private const val SCOPE_BITS = 16

/** The flags of a call, as the core's `begin` takes them: method, flags, size of an upload that cannot be watched. */
internal object CallFlags {
    const val REPEATABLE = 1
    const val KEYED = 2
    const val STREAMED = 4
    const val STACKED = 8
    const val DROPIN = 16
    const val CREDENTIALS = 32

    /** Waits hold something that others need, a dispatcher's slot: `timeouts.wait` bounds them. */
    const val SLOT = 64

    private const val OTHER = 15
    private const val PIECE = 65_536L
    private const val MOST_PIECES = 65_535L

    fun method(name: String): Int =
        when (name) {
            "GET" -> 0
            "HEAD" -> 1
            "OPTIONS" -> 2
            "TRACE" -> 3
            "PUT" -> 4
            "DELETE" -> 5
            "QUERY" -> 6
            "POST" -> 7
            "PATCH" -> 8
            else -> OTHER
        }

    fun of(
        method: String,
        flags: Int,
        uploadBytes: Long = 0,
    ): Int {
        val pieces = minOf(MOST_PIECES, (uploadBytes + PIECE - 1) / PIECE).toInt()
        return method(method) or (flags shl 4) or (pieces shl 16)
    }
}
