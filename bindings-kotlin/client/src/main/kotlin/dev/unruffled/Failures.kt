package dev.unruffled

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.Headers
import java.io.IOException
import java.io.Serializable

/** The reasons why a call ended without an answer to deliver; [text] is the same word in every language. */
public enum class Reason(
    /** The word of the policy's documentation, logs and the other languages: `retries-exhausted`. */
    public val text: String,
) {
    /** A final status. */
    STATUS("status"),

    /** All attempts were used. */
    RETRIES_EXHAUSTED("retries-exhausted"),

    /** No time was left for what would have come next. */
    DEADLINE("deadline"),

    /**
     * The endpoint or the whole API is down: its breaker stayed open for as long as the call may wait, which is `breaker.wait`,
     * or `retry.patience` before a retry.
     */
    CIRCUIT_OPEN("circuit-open"),

    /** The server or a documented limit asks for more time than there is. */
    RATE_LIMITED("rate-limited"),

    /** Retries do not help at present: this one waited for `retry.patience`. */
    BUDGET_EXHAUSTED("budget-exhausted"),

    /** More calls wait than `maxWaiting` allows. */
    OVERLOADED("overloaded"),

    /** A retry might do the work twice, or the body cannot be sent again. */
    NOT_REPLAYABLE("not-replayable"),

    /** No answer. */
    NETWORK("network"),

    /** No answer in time. */
    TIMEOUT("timeout"),

    /** The platform is offline. */
    OFFLINE("offline"),

    /** No credential could be had. */
    AUTH("auth"),

    /** Reserved for pages. */
    PAGINATION("pagination"),

    /** The client was closed. */
    CLOSED("closed"),

    /** The caller's mistake: a path or a header that cannot be sent, for example, or an answer larger than `maxBody`. */
    MISUSE("misuse"),
}

/** What may have happened at the server, the worst of all attempts: the answer to "was the card charged?". */
public enum class Outcome(
    /** The same word in every language: `not-sent`. */
    public val text: String,
) {
    /** No attempt reached the server. */
    NOT_SENT("not-sent"),

    /** The server did not do it, or the method changes nothing. */
    REJECTED("rejected"),

    /** It may have been done. */
    UNKNOWN("unknown"),
}

/**
 * A call that failed for good: retries, waits and limits of the policy are behind it. An [IOException], because that is what
 * callers of OkHttp catch. Its text holds no token, no query value and no body.
 */
public open class CallException internal constructor(
    /** Why the call ended. */
    public val reason: Reason,
    /** Whether the server may have done what was asked. */
    public val outcome: Outcome,
    /** Milliseconds (from the failure) after which a new call makes sense, or `null` if that is not known. */
    public val retryAfterMs: Long?,
    /** [retryAfterMs] as a moment: Unix time in milliseconds. */
    public val retryAt: Long?,
    /** Requests that were paid for: 1 + retries. */
    public val attempts: Int,
    /** Milliseconds from the start of the call to its end, waits included. */
    public val elapsedMs: Long,
    /** The last status received, or `null`. */
    public open val status: Int?,
    message: String,
    private val table: String,
    cause: Throwable?,
) : IOException(message, cause) {
    /** Returns a short table of each attempt, each wait and the rule that required it. */
    public fun explain(): String = table

    /** Returns a copy without its cause. */
    internal fun alone(): CallException =
        CallException(reason, outcome, retryAfterMs, retryAt, attempts, elapsedMs, status, message.orEmpty(), table, null)

    internal companion object {
        /** A call that never began; [advice] says what to do. */
        fun unsent(label: String, reason: Reason, advice: String): CallException {
            val text = "nothing was sent (${reason.text}, outcome ${Outcome.NOT_SENT.text}). $advice"
            return CallException(reason, Outcome.NOT_SENT, null, null, 0, 0, null, "$label: $text", text, null)
        }
    }
}

/**
 * An answer with a status of 400 or above, after everything that the policy allows was tried. With `raise(false)` the
 * call returns it instead.
 */
public class StatusException internal constructor(
    failure: CallException,
    answer: ApiResponse,
) : CallException(
        failure.reason,
        failure.outcome,
        failure.retryAfterMs,
        failure.retryAt,
        failure.attempts,
        failure.elapsedMs,
        answer.status,
        failure.message.orEmpty(),
        failure.explain(),
        failure.cause,
    ) {
    /** The status of the answer. */
    override val status: Int = answer.status

    /** Headers are not serializable; names and values are. */
    private val lines: Array<String> = answer.headers.flatMap { (name, value) -> listOf(name, value) }.toTypedArray()

    /** The headers of the answer. */
    public val headers: Headers get() = Headers.headersOf(*lines)

    /** The first 64 KiB of the answer's body. */
    public val bytes: ByteArray = answer.bytes

    /** [bytes] as text, in the charset that the answer names, else UTF-8. */
    public fun text(): String = bytes.asText(headers["Content-Type"])
}

/** One thing that is wrong with a policy. */
public class PolicyIssue(
    /** Where: `limits[1].per`. */
    public val path: String,
    /** What was found and what is allowed: `limits[1].per: "1 hour" is not a duration; write "1h"`. */
    public val text: String,
    /** Line in the policy's text, from 1; 0 = none. */
    public val line: Int,
    /** Column in that line, from 1; 0 = none. */
    public val column: Int,
) : Serializable {
    override fun toString(): String = text
}

/** A policy that cannot be used; [issues] say where and why, in the order of the file. */
public class PolicyException(
    /** The issues, at most 20. */
    public val issues: List<PolicyIssue>,
) : IllegalArgumentException(issues.joinToString("\n") { it.text }.ifEmpty { "the policy cannot be read" })

/** The issues that the core writes as JSON. */
internal fun issuesOf(json: String): List<PolicyIssue> {
    val root = Json.parseToJsonElement(json)
    if (root is JsonObject) return listOf(PolicyIssue("policy", "policy: ${root["misuse"]?.jsonPrimitive?.content} engine", 0, 0))
    return root.jsonArray.map { each ->
        val issue = each.jsonObject

        fun number(key: String): Int = issue[key]?.takeIf { it !is JsonNull }?.jsonPrimitive?.int ?: 0
        PolicyIssue(
            issue.getValue("path").jsonPrimitive.content,
            issue.getValue("text").jsonPrimitive.content,
            number("line"),
            number("column"),
        )
    }
}
