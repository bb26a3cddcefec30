package dev.unruffled

import dev.unruffled.core.Word

/**
 * A credential and how long it may be kept. A function that gives these is asked once for all calls, before the time is up
 * or when the server refuses the old one.
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

/** What a credentials function may be told: why it is asked. */
public class Need internal constructor(
    /** The reason. */
    public val why: Why,
) {
    /** The reason's word. */
    override fun toString(): String = "Need(${why.text})"

    internal companion object {
        val FIRST = Need(Why.FIRST)
        private val EXPIRED = Need(Why.EXPIRED)
        private val REFUSED = Need(Why.REFUSED)

        /** What the core's word for a refresh says. */
        fun of(word: Long): Need =
            when {
                Word.has(word, Word.NEED_EXPIRED) -> EXPIRED
                Word.has(word, Word.NEED_REFUSED) -> REFUSED
                else -> FIRST
            }
    }
}

/** Why a credential is asked for; [text] is the same word in every language. */
public enum class Why(
    /** The word of the documentation and the other languages: `first`. */
    public val text: String,
) {
    /** There was none before. Always so for a function that gives plain text, which is asked at each attempt. */
    FIRST("first"),

    /** The last token's time is over. */
    EXPIRED("expired"),

    /** The server refused the last token with a 401, even if its time was not over. */
    REFUSED("refused"),
}
