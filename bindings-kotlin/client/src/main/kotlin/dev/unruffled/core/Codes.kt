// Generated from tests/codes.json by bindings-kotlin/listings: the codes that all languages share.
package dev.unruffled.core

import dev.unruffled.InternalUnruffledApi

/** Kinds of steps, the low four bits of a step word. */
internal object StepKind {
    const val SEND = 0
    const val WAIT = 1
    const val PARK = 2
    const val REFRESH = 3
    const val DELIVER = 4
    const val FAIL = 5
    const val MISUSE = 6
    const val DONE = 7
}

/** Flags of a step word, its next eight bits. */
internal object StepFlag {
    const val WAKES = 1
    const val EVENTS = 2
    const val KEY = 4
    const val TOKEN = 8
    const val REPORT = 16
    const val FRESH = 32
    const val APPLIED = 64
    const val RESPONSE = 128
}

/** A flag of a Send, at the bit of APPLIED: the token ends soon. */
internal object SendFlag {
    const val RENEW = 64
}

/** Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed. */
internal object NeedFlag {
    const val EXPIRED = 32
    const val REFUSED = 64
}

/** Mistakes in the use of the core, the argument of a Misuse. */
internal object MisuseCode {
    const val UNKNOWN = 1L
    const val LIVE = 2L
    const val STATE = 3L
    const val DEAD = 4L
    const val GENERATION = 5L
    const val RANGE = 6L
}

/** How an attempt broke without an answer. */
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
    REJECTED("rejected", 9),
    UNCHANGED("unchanged", 10),
    PERMANENT("permanent", 11),
}

/** The platform's cause of a [Fault]. Its code is added to the fault's. */
@InternalUnruffledApi
public enum class Cause(
    public val text: String,
    public val code: Int,
) {
    NONE("none", 0 shl 8),
    CONNECTION_REFUSED("connection-refused", 1 shl 8),
    NO_SUCH_NAME("no-such-name", 2 shl 8),
    CERTIFICATE("certificate", 3 shl 8),
    NO_TLS("no-tls", 4 shl 8),
    PROTOCOL("protocol", 5 shl 8),
    UNREACHABLE("unreachable", 6 shl 8),
    RESET("reset", 7 shl 8),
    CREDENTIAL("credential", 8 shl 8),
}

/** Added to the status of an answer after a redirect that the platform followed. */
internal const val REDIRECTED = 32768

/** Methods, the low four bits of a call's flags. */
internal object MethodCode {
    const val GET = 0
    const val HEAD = 1
    const val OPTIONS = 2
    const val TRACE = 3
    const val PUT = 4
    const val DELETE = 5
    const val QUERY = 6
    const val POST = 7
    const val PATCH = 8
    const val OTHER = 15

    /** Returns the code of the method [name]. */
    fun of(name: String): Int =
        when (name) {
            "GET" -> GET
            "HEAD" -> HEAD
            "OPTIONS" -> OPTIONS
            "TRACE" -> TRACE
            "PUT" -> PUT
            "DELETE" -> DELETE
            "QUERY" -> QUERY
            "POST" -> POST
            "PATCH" -> PATCH
            else -> OTHER
        }
}

/** Flags of a call, above the method's bits. */
internal object CallTrait {
    const val REPEATABLE = 1
    const val KEYED = 2
    const val STREAMED = 4
    const val STACKED = 8
    const val DROPIN = 16
    const val CREDENTIALS = 32
    const val SLOT = 64
}
