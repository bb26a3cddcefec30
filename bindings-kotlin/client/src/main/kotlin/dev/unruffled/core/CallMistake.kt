package dev.unruffled.core

import dev.unruffled.CallException
import dev.unruffled.Reason

/** A call that cannot be made as it was written: path, query, headers or body are the caller's to mend. */
internal class CallMistake(text: String) : IllegalArgumentException(text) {
    /** The same, as it is thrown: behind method and path, in the form of every failure. */
    fun failure(label: String): CallException =
        CallException.unsent(label, Reason.MISUSE, message.orEmpty().replaceFirstChar { it.uppercaseChar() } + ".")
}
