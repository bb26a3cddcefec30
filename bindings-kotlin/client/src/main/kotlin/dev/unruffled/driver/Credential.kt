package dev.unruffled.driver

import dev.unruffled.Need
import dev.unruffled.Token
import dev.unruffled.core.Fault
import dev.unruffled.core.NeedFlag
import dev.unruffled.core.StepKind
import dev.unruffled.core.StepWord
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeoutOrNull
import java.io.InterruptedIOException
import java.net.SocketTimeoutException
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.cancellation.CancellationException

/**
 * The caller's credentials function and what it gave. The core says when to ask; one call asks for all. Holds the secrets:
 * the core knows only generation and expiry.
 */
internal class Credential(
    private val engine: Engine,
    private val source: Source,
    context: CoroutineContext,
    /** The base URL's origin of a view, whose credential has a name of its own in the core; else `null`. */
    private val viewOrigin: String? = null,
) {
    /** The scopes of a view, from its first call on. */
    @Volatile
    private var own: Views.Scopes? = null

    /** The core's number of the base URL's origin with this credential. */
    val scope: Int get() = if (viewOrigin != null) scopes(viewOrigin).home else 0

    /** The core's number of another origin with this credential. */
    fun scopeAt(origin: String): Int = if (viewOrigin != null) scopes(viewOrigin).at(origin) else engine.scopeAt(origin)

    private fun scopes(home: String): Views.Scopes =
        own ?: synchronized(lock) { own ?: engine.views.begin(this, home).also { own = it } }

    /** The caller's function. It gives a plain text (called for every attempt) or a [Token] (retained). */
    internal class Source(val text: (suspend () -> String)?, val token: (suspend (Need) -> Token)?)

    /** Refreshes outlive the calls that lead them, and a failed one does not end the next. */
    private val refreshes = CoroutineScope(SupervisorJob() + context)

    @Volatile
    private var retained: String? = null

    /** A token is being reported to the core: [retained] follows under the lock. */
    @Volatile
    private var settling = false
    private val lock = Any()

    /** Why the last refresh failed. */
    @Volatile
    var failure: Throwable? = null
        private set

    /**
     * The text to send with an attempt now; a function of the caller's has [withinMs] for it, 0 = any time.
     *
     * @throws NoCredential if it fails, takes longer or gives nothing.
     */
    suspend fun now(host: Host<*, *>, withinMs: Long): String {
        val plain = source.text ?: return settled()
        try {
            return host.ask(withinMs, plain).also(::check)
        } catch (@Suppress("TooGenericExceptionCaught") failed: Exception) {
            val cancelled = failed is CancellationException && currentCoroutineContext()[Job]?.isActive == false
            if (cancelled || (failed is InterruptedIOException && Thread.currentThread().isInterrupted)) throw failed
            throw NoCredential(failed)
        }
    }

    private fun settled(): String {
        val now = if (settling) synchronized(lock) { retained } else retained
        return checkNotNull(now) { "no token, though the core has one" }
    }

    /**
     * Begins the refresh that the word asks for. It may take [withinMs]; 0 = any time. It is not cancelled with the call that
     * leads it. A plain text is not retained: [lead] receives it, for the leader's next attempt only.
     */
    fun refresh(word: Long, withinMs: Long, lead: (String) -> Unit) {
        val generation = StepWord.arg(word)
        refreshes.launch {
            val answer =
                try {
                    val got = obtain(Need.of(word), withinMs)
                    // Asked again, the function would give the token that a 401 refused again.
                    val unchanged = StepWord.has(word, NeedFlag.REFUSED) && source.text == null && got.value == retained
                    if (unchanged) reportFailed(generation, Fault.UNCHANGED) else accept(generation, got, lead)
                } catch (@Suppress("TooGenericExceptionCaught") failed: Throwable) {
                    failure = failed
                    reportFailed(generation, Fault.LOST)
                }
            engine.applyFlags(answer)
        }
    }

    private fun reportFailed(generation: Long, fault: Fault): Long =
        engine.core.tokenFailed(engine.clock.now(), generation, fault.code, 0)

    /** The core accepts first: a token that comes late must not take the place of a newer one. */
    private fun accept(generation: Long, got: Token, lead: (String) -> Unit): Long =
        synchronized(lock) {
            settling = true
            try {
                val word = engine.core.token(engine.clock.now(), generation, expiresIn(got))
                if (StepWord.kind(word) != StepKind.MISUSE) {
                    if (source.text != null) lead(got.value) else retained = got.value
                }
                word
            } finally {
                settling = false
            }
        }

    /** On a thread of its own: a function that blocks must not outstay its time either. */
    private suspend fun obtain(need: Need, withinMs: Long): Token {
        val obtaining = refreshes.async { source.text?.let { Token(it()) } ?: checkNotNull(source.token)(need) }
        val got =
            if (withinMs == 0L) {
                obtaining.await()
            } else {
                withTimeoutOrNull(withinMs) { obtaining.await() } ?: throw tooSlow(withinMs).also { obtaining.cancel() }
            }
        return got.also { check(it.value) }
    }

    private fun check(value: String) {
        require(value.isNotBlank()) { "the credentials function gave an empty text" }
    }

    /** How long the token is valid; 0 = it is not retained. */
    private fun expiresIn(token: Token): Long {
        if (source.text != null) return 0
        return token.expiresAt?.let { (it - engine.clock.wall()).coerceIn(1, NEVER) } ?: NEVER
    }

    private companion object {
        /** The core reads this as "does not expire". */
        const val NEVER = (1L shl 40) - 1
    }
}

/** The credentials function failed when an attempt asked it. */
internal class NoCredential(override val cause: Exception) : Exception(cause)

/** The error of a credentials function that took all of an attempt's time. */
internal fun tooSlow(ms: Long): SocketTimeoutException =
    SocketTimeoutException("the credentials function took longer than an attempt may ($ms ms)")
