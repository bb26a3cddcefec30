package dev.unruffled

import kotlinx.coroutines.CoroutineScope
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
    context: CoroutineContext,
) {
    /** Gives a plain text (asked for at every attempt) or a [Token] (kept). */
    internal class Source(val plain: (suspend () -> String)?, val kept: (suspend () -> Token)?)

    /** Refreshes outlive the calls that lead them, and a failed one does not end the next. */
    private val refreshes = CoroutineScope(SupervisorJob() + context)

    @Volatile
    private var kept: String? = null

    /** Why the last refresh failed. */
    @Volatile
    var failure: Throwable? = null
        private set

    /** The text to send with an attempt now. */
    suspend fun now(host: Host<*, *>): String {
        val plain = source.plain ?: return checkNotNull(kept) { "no token, though the core has one" }
        return host.ask(plain)
    }

    /**
     * Begins a refresh, by itself and not cancelled with its leader. A plain text is no token to keep: [lead] gets it, for
     * the leader's next attempt only.
     */
    fun refresh(generation: Long, lead: (String) -> Unit) {
        refreshes.launch {
            val word =
                try {
                    val got = obtain()
                    if (source.plain != null) lead(got.value) else kept = got.value
                    engine.core.token(engine.clock.now(), generation, expiresIn(got))
                } catch (@Suppress("TooGenericExceptionCaught") failed: Throwable) {
                    failure = failed
                    val fault = if (failed is CancellationException) Fault.CANCELLED else Fault.LOST
                    engine.core.tokenFailed(engine.clock.now(), generation, fault.code)
                }
            engine.heed(word)
        }
    }

    private suspend fun obtain(): Token = source.plain?.let { Token(it()) } ?: checkNotNull(source.kept)()

    /** 0 tells the core that nothing is kept. */
    private fun expiresIn(token: Token): Long {
        if (source.plain != null) return 0
        return token.expiresAt?.let { (it - engine.clock.wall()).coerceIn(1, NEVER) } ?: NEVER
    }

    private companion object {
        /** The core reads this as "does not expire". */
        const val NEVER = (1L shl 40) - 1
    }
}
