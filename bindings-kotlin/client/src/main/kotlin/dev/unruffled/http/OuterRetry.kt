package dev.unruffled.http

import dev.unruffled.core.RetryCount

/**
 * Finds a retrying client above this one by its headers. Two retry loops multiply attempts, so the lower one makes a single
 * attempt.
 */
internal object OuterRetry {
    /** Returns whether one of [counts] is there and high enough; [header] gives the value of a header by its name. */
    inline fun by(counts: Array<RetryCount>, header: (String) -> String?): Boolean {
        for (count in counts) {
            val value = header(count.header) ?: continue
            if (number(value) >= count.least) return true
        }
        return false
    }

    /** Reads the first run of digits in [value]; 0 if there is none. */
    fun number(value: String): Long {
        val start = value.indexOfFirst { it in '0'..'9' }
        if (start < 0) return 0
        val digits = value.substring(start).takeWhile { it in '0'..'9' }
        return digits.toLongOrNull() ?: Long.MAX_VALUE
    }
}
