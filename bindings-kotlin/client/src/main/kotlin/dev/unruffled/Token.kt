package dev.unruffled

import dev.unruffled.core.NeedFlag
import dev.unruffled.core.StepWord

/**
 * A credential and how long it is valid. A function that gives tokens is called once for all calls: before the time is up, or
 * when the server refuses the old one.
 */
public class Token(
    /** What is sent as `Authorization: Bearer …`. */
    public val value: String,
    /** When it ends: Unix time in milliseconds; `null` = it does not say. */
    public val expiresAt: Long? = null,
) {
    /** Hides the secret. */
    override fun toString(): String = "Token(expiresAt=$expiresAt)"
}

/** The reason why a credentials function is called. */
public class Need internal constructor(
    /** The reason. */
    public val why: Why,
) {
    /** Returns the reason's word. */
    override fun toString(): String = "Need(${why.text})"

    internal companion object {
        val FIRST = Need(Why.FIRST)
        private val EXPIRED = Need(Why.EXPIRED)
        private val REFUSED = Need(Why.REFUSED)

        /** The need in the core's step word for a refresh. */
        fun of(word: Long): Need =
            when {
                StepWord.has(word, NeedFlag.EXPIRED) -> EXPIRED
                StepWord.has(word, NeedFlag.REFUSED) -> REFUSED
                else -> FIRST
            }
    }
}

/** The reasons for a new credential; [text] is the same word in every language. */
public enum class Why(
    /** The word of the documentation and the other languages: `first`. */
    public val text: String,
) {
    /** It is the first credential. Always so for a function that gives plain text, which is called for each attempt. */
    FIRST("first"),

    /** The last token's time is over. */
    EXPIRED("expired"),

    /** The server refused the last token with a 401, even if its time was not over. */
    REFUSED("refused"),
}
