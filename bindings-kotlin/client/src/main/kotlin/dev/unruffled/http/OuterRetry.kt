package dev.unruffled.http

import okhttp3.Headers

/**
 * Finds a retrying client above this one by its headers. Two retry loops multiply attempts, so the lower one makes a single
 * attempt.
 */
internal object OuterRetry {
    /** Headers in which clients count; 0 proves nothing: their retries may be off. */
    val counts = arrayOf("x-stainless-retry-count", "x-retry-count", "x-retry-attempt", "retry-attempt")

    /** Counts from 1: `attempt=2; max=3`. */
    const val AMAZON = "amz-sdk-request"

    fun by(headers: Headers): Boolean = by { headers[it] }

    inline fun by(header: (String) -> String?): Boolean {
        if (counts.any { (header(it)?.trim()?.toIntOrNull() ?: 0) >= 1 }) return true
        val amazon = header(AMAZON) ?: return false
        return (amazon.substringBefore(';').substringAfter('=', "").trim().toIntOrNull() ?: 0) >= 2
    }
}
