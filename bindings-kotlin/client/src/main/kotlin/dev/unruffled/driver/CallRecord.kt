package dev.unruffled.driver

import dev.unruffled.CallException
import dev.unruffled.InternalUnruffledApi

/**
 * The record of a drop-in's call, attached to each of its attempts. A drop-in below finds it and makes a single attempt;
 * `explain()` reads it afterwards.
 */
@InternalUnruffledApi
public class CallRecord {
    @Volatile
    public var table: (() -> String)? = null

    /** The client's own answer of 400 or above whose head came last, where its body may be what fails. */
    @Volatile
    public var head: Any? = null

    /** The attempt was answered with a redirect, which a plugin below may follow: its first request was sent. */
    @Volatile
    public var followed: Boolean = false

    /** The table of attempts and waits; empty until the call has ended. */
    public fun explain(): String = table?.invoke().orEmpty()

    /** Requests print their tags. */
    override fun toString(): String = "unruffled"

    public companion object {
        /** For calls whose record is not read. */
        internal val SILENT = CallRecord()

        /** How the call went that ended with this error, the outermost if one was in another. */
        public fun of(error: Throwable): String =
            generateSequence(error) { it.cause }.flatMap { it.suppressed.reversed() + it }
                .filterIsInstance<CallException>().firstOrNull()?.explain().orEmpty()
    }
}
