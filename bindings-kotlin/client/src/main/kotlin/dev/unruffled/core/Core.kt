package dev.unruffled.core

import dev.unruffled.PolicyException
import dev.unruffled.internal.base
import dev.unruffled.internal.brief
import dev.unruffled.internal.events
import dev.unruffled.internal.open
import dev.unruffled.internal.report
import dev.unruffled.internal.route
import dev.unruffled.internal.scope
import dev.unruffled.internal.seed
import dev.unruffled.internal.settings
import dev.unruffled.internal.snapshot
import dev.unruffled.internal.subscribe
import dev.unruffled.issuesOf

// The only code that calls the core: integers through [Crossings], text through the generated functions. Both use the same
// library file, because an engine opened in one copy is unknown to another.

/**
 * One engine of the core. Times are whole milliseconds on one monotonic clock that began when the engine was opened; `wall`
 * is Unix time in milliseconds. Words are read with [StepWord]. Nothing throws but the constructor.
 */
@Suppress("TooManyFunctions")
internal class Core(
    policy: String,
    lenient: Boolean,
) {
    val handle: Long =
        try {
            Library.ready()
            open(whole(policy), lenient).toLong()
        } catch (invalid: dev.unruffled.internal.PolicyException.Invalid) {
            throw PolicyException(issuesOf(invalid.issues))
        }

    /** Sets the base URL that the policy leaves to the host. */
    fun base(url: String) {
        val issues = base(handle.toULong(), whole(url))
        if (issues.isNotEmpty()) throw PolicyException(issuesOf(issues))
    }

    fun seed(value: Long) = seed(handle.toULong(), value.toULong())

    /** The number that [begin] takes for `METHOD /path/{id}` or `METHOD https://…`: see [routeOf]. */
    fun route(target: String): Int = route(handle.toULong(), whole(target)).toInt()

    fun scope(
        origin: String,
        credential: String,
    ): Int = scope(handle.toULong(), whole(origin), whole(credential)).toInt()

    fun settings(): String = settings(handle.toULong())

    fun events(): String = events(handle.toULong())

    fun subscribe(kinds: Int) = subscribe(handle.toULong(), kinds.toUInt())

    fun report(call: Int): String = report(handle.toULong(), call.toUInt())

    /** The header's text for a caller's idempotency key; empty = it fits no header. */
    fun headerKey(
        text: String,
        quoted: Boolean,
    ): String = dev.unruffled.internal.headerKey(whole(text), quoted)

    fun brief(
        status: Int,
        elapsed: Long,
    ): String = dev.unruffled.internal.brief(status.toUInt(), elapsed.toULong())

    fun snapshot(now: Long): String = snapshot(handle.toULong(), now.toULong())

    @Suppress("LongParameterList")
    fun begin(
        call: Int,
        now: Long,
        route: Int,
        scope: Int,
        flags: Int,
        deadline: Long,
    ): Long = Crossings.unruffled_begin(handle, call, now, route, scope, flags, deadline)

    fun respond(
        call: Int,
        now: Long,
        status: Int,
    ): Long = Crossings.unruffled_respond(handle, call, now, status)

    @Suppress("LongParameterList")
    fun respondWith(
        call: Int,
        now: Long,
        wall: Long,
        status: Int,
        hints: ByteArray,
        body: ByteArray,
    ): Long = ByteCrossings.unruffled_respond_with(handle, call, now, wall, status, hints, hints.size, body, body.size)

    fun fault(
        call: Int,
        now: Long,
        fault: Int,
    ): Long = Crossings.unruffled_fault(handle, call, now, fault)

    fun resume(
        call: Int,
        now: Long,
    ): Long = Crossings.unruffled_resume(handle, call, now)

    fun abandon(
        call: Int,
        now: Long,
    ): Long = Crossings.unruffled_abandon(handle, call, now)

    fun token(
        now: Long,
        generation: Long,
        expiresIn: Long,
    ): Long = Crossings.unruffled_token(handle, now, generation, expiresIn)

    /** Reports that no token came; [retryAfter] in ms is the token endpoint's own, 0 = none. */
    fun tokenFailed(
        now: Long,
        generation: Long,
        fault: Int,
        retryAfter: Long,
    ): Long = Crossings.unruffled_token_failed(handle, now, generation, fault, retryAfter)

    /** Begins a fetch beside the calls, after a Send with RENEW: a Refresh word, or Done if there is nothing to do. */
    fun renew(
        now: Long,
        scope: Int,
    ): Long = Crossings.unruffled_renew(handle, now, scope)

    /** Forgets the token of a scope's credential. */
    fun reset(
        now: Long,
        scope: Int,
    ): Long = Crossings.unruffled_reset(handle, now, scope)

    /** Frees a scope that no call begins with any more; its credential goes with the last one. */
    fun free(
        now: Long,
        scope: Int,
    ): Long = Crossings.unruffled_free(handle, now, scope)

    fun online(now: Long): Long = Crossings.unruffled_online(handle, now)

    fun wake(): Long = Crossings.unruffled_wake(handle)

    fun close(now: Long): Long = Crossings.unruffled_close(handle, now)

    /** Frees the engine; whatever uses it afterwards gets `Misuse(unknown)`. */
    fun release(): Boolean = Crossings.unruffled_release(handle) != 0

    private companion object {
        /** Replaces half a surrogate pair, which cannot cross, by a question mark. */
        fun whole(text: String): String =
            if (text.none { it.isSurrogate() }) text else text.encodeToByteArray().decodeToString()
    }
}
