package dev.unruffled.driver

import dev.unruffled.core.Settings
import dev.unruffled.core.routeOf

/** One logical call, ready to be driven: everything that is the same on each attempt. */
internal class PreparedCall<Q>(
    val method: String,
    /** The path as the caller wrote it, with its braces and without a query: safe to show. Of a drop-in, the origin. */
    val template: String,
    /** The request as the host knows it. */
    val request: Q,
    /** Its route and endpoint as the core's `begin` takes them. */
    val target: Int,
    val scope: Int,
    val flags: Int,
    /** Absolute on the engine's clock; 0 = the policy's. */
    val deadline: Long,
    val streamed: Boolean,
    /** The caller's own idempotency key, as its header has it. */
    val key: String?,
    val credential: Credential?,
    /** Whether the last answer is delivered open even if the core gave up, instead of a copy of its beginning. */
    val lastOpen: Boolean = false,
) {
    /** The number of the policy's route; 0 = no route. */
    val route: Int get() = routeOf(target)

    /** The prefix of the core's message: the method and the route's pattern, which holds no value of a call. */
    fun label(settings: Settings): String =
        "$method ${settings.routes[route].pattern.substringAfter(' ').ifEmpty { template }}"
}
