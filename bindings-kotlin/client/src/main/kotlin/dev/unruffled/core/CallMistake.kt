package dev.unruffled.core

import dev.unruffled.CallException
import dev.unruffled.Reason

/** A mistake of the caller in path, query, headers or body: the call cannot be made. */
internal class CallMistake(text: String) : IllegalArgumentException(text) {
    /** Makes the exception for the caller: it begins with method and path, like every failure. */
    fun failure(label: String): CallException =
        CallException.unsent(label, Reason.MISUSE, message.orEmpty().replaceFirstChar { it.uppercaseChar() } + ".")
}
