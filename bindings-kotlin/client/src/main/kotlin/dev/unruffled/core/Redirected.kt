package dev.unruffled.core

/**
 * The status of an answer after a redirect that the platform followed, as the core takes it; the upper 16 bits are the
 * [scope] that answered. A scope beyond 16 bits does not fit beside it.
 */
internal fun redirected(status: Int, scope: Int): Int =
    if (scope ushr SCOPE_BITS == 0) status or REDIRECTED or (scope shl SCOPE_BITS) else status

private const val SCOPE_BITS = 16
