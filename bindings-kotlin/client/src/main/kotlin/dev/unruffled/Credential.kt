package dev.unruffled

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.cancellation.CancellationException

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

/**
 * The caller's credentials function and what it gave. The core says when to ask; one call asks for all. Holds the secrets:
 * the core knows only generation and expiry.
 */
internal class Credential(
    private val engine: Engine,
    /** The core's number of origin and credential. */
    val scope: Int,
    private val source: Source,
    context: CoroutineContext = Dispatchers.IO,
) {
    /** Gives a plain text (asked for at every attempt) or a [Token] (kept). */
    internal class Source(val plain: (suspend () -> String)?, val kept: (suspend () -> Token)?)

    /** Refreshes outlive the calls that lead them, and a failed one does not end the next. */
    private val scopeOfRefreshes = CoroutineScope(SupervisorJob() + context)

    @Volatile
    private var latest: Held? = null

    /** Why the last refresh failed. */
    @Volatile
    var failure: Throwable? = null
        private set

    private class Held(val generation: Long, val value: String)

    /** The text to send now. */
    suspend fun now(host: Host): String {
        val plain = source.plain
        if (plain == null) return latest?.value ?: error("no token, though the core has one")
        val first = latest
        if (first != null) {
            latest = null
            return first.value
        }
        return host.ask(plain)
    }

    /** Begins a refresh, by itself and not cancelled with its caller. */
    fun refresh(generation: Long) {
        scopeOfRefreshes.launch(start = CoroutineStart.DEFAULT) {
            val word =
                try {
                    obtain(generation)
                } catch (cancelled: CancellationException) {
                    failure = cancelled
                    engine.core.tokenFailed(engine.clock.now(), generation, Fault.CANCELLED.code)
                } catch (@Suppress("TooGenericExceptionCaught") failed: Throwable) {
                    failure = failed
                    engine.core.tokenFailed(engine.clock.now(), generation, Fault.LOST.code)
                }
            engine.heed(word)
        }
    }

    private suspend fun obtain(generation: Long): Long {
        val plain = source.plain
        if (plain != null) {
            latest = Held(generation, plain())
            return engine.core.token(engine.clock.now(), generation, 0)
        }
        val token = checkNotNull(source.kept)()
        latest = Held(generation, token.value)
        val expiresIn = token.expiresAt?.let { (it - engine.clock.wall()).coerceIn(1, NEVER) } ?: NEVER
        return engine.core.token(engine.clock.now(), generation, expiresIn)
    }

    private companion object {
        /** The core reads this as "does not expire". */
        const val NEVER = (1L shl 40) - 1
    }
}
