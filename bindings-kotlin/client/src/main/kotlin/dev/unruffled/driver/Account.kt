package dev.unruffled.driver

import dev.unruffled.CallException

/**
 * Goes along with every attempt of a drop-in's call, where its client has room for that: it tells an unruffled below that
 * there is one above, and afterwards how the call went.
 */
internal class Account {
    @Volatile
    var told: (() -> String)? = null

    /** The client's own answer of 400 or above whose head came last, where its body may be what fails. */
    @Volatile
    var head: Any? = null

    /** The attempt was answered with a redirect, which a plugin below may follow: its first request was sent. */
    @Volatile
    var followed = false

    /** The table of attempts and waits; empty if there is none, or none yet. */
    fun explain(): String = told?.invoke().orEmpty()

    /** Requests print their tags. */
    override fun toString(): String = "unruffled"

    companion object {
        /** For those that nobody asks afterwards. */
        val SILENT = Account()

        /** How the call went that ended with this error, the outermost if one was in another. */
        fun of(error: Throwable): String =
            generateSequence(error) { it.cause }.flatMap { it.suppressed.reversed() + it }
                .filterIsInstance<CallException>().firstOrNull()?.explain().orEmpty()
    }
}
