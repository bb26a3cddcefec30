package dev.unruffled.driver

import dev.unruffled.CallException
import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import dev.unruffled.core.Report
import dev.unruffled.core.Route
import dev.unruffled.core.SendFlag
import dev.unruffled.core.StepFlag
import dev.unruffled.core.StepKind
import dev.unruffled.core.StepWord
import dev.unruffled.core.redirected
import java.util.UUID
import kotlin.coroutines.cancellation.CancellationException

/** How a call ended that has an answer: the last reply and the core's last word. */
internal class CallResult<R : Reply>(
    val reply: R,
    val word: Long,
    val call: Int,
    val elapsed: Long,
    /** Set if the core gave up: the reply is the last one, and this says why. */
    val failure: CallException?,
) {
    /** The status may be the echo of an earlier attempt that was applied. */
    val maybeApplied: Boolean get() = StepWord.has(word, StepFlag.APPLIED)

    /** The table of attempts and waits, read from the core on demand. */
    fun explanation(engine: Engine): () -> String {
        failure?.let { return it::explain }
        val report = if (StepWord.has(word, StepFlag.REPORT)) call else null
        val status = reply.status
        return {
            if (report != null) {
                engine.report(report)?.text ?: Report.DROPPED
            } else {
                Report.read(engine.core.brief(status, elapsed))?.text.orEmpty()
            }
        }
    }
}

/**
 * The loop over the core's steps. It is the same for coroutines and for threads, which differ in their [Host]. The core decides
 * what to send, when, and when to stop.
 */
internal class Driver<Q, R : Reply>(private val engine: Engine, private val host: Host<Q, R>) {
    private val core = engine.core
    private val clock = engine.clock

    /**
     * Drives one call to its end.
     *
     * @throws CallException if there is no answer to hand over; the caller's cancellation passes untouched.
     */
    suspend fun run(prepared: PreparedCall<Q>): CallResult<R> {
        val waiter = engine.begin(prepared.target, prepared.scope, prepared.flags, prepared.deadline) ?: throw closed(prepared)
        val running = RunningCall<Q, R>(prepared, waiter, clock.now())
        var ended = false
        try {
            var word = waiter.word
            while (true) {
                engine.applyFlags(word)
                when (StepWord.kind(word)) {
                    StepKind.SEND -> word = attempt(running, word)
                    StepKind.WAIT, StepKind.PARK -> word = pause(running, word)
                    StepKind.REFRESH -> word = refresh(running, word)
                    StepKind.DELIVER -> {
                        ended = true
                        return CallResult(checkNotNull(running.reply), word, waiter.id, clock.now() - running.begun, null)
                    }
                    StepKind.FAIL -> {
                        ended = true
                        return failed(running, word)
                    }
                    else -> throw misuse(word)
                }
            }
        } finally {
            // The body of an interceptor may throw on close. The end of the call is reported to the core all the same.
            try {
                if (!ended) running.reply?.close()
            } finally {
                if (!ended) engine.applyFlags(core.abandon(waiter.id, clock.now()))
                engine.leave(waiter)
                if (engine.events.wanted) engine.events.pull()
            }
        }
    }

    private fun closed(prepared: PreparedCall<Q>): CallException =
        CallException.unsent(prepared.label(engine.settings), Reason.CLOSED, "The client is closed; open a new one.")

    /** The state of one call between its steps. */
    private class RunningCall<Q, R : Reply>(val prepared: PreparedCall<Q>, val waiter: Waiter, val begun: Long) {
        var reply: R? = null
        var error: Throwable? = null
        var key: String? = null

        /** A plain credential that this call obtained itself, for its next attempt only. */
        @Volatile
        var token: String? = null
    }

    private suspend fun attempt(running: RunningCall<Q, R>, word: Long): Long {
        val waiter = running.waiter
        val reply =
            try {
                running.reply?.close()
                running.reply = null
                send(prepare(running, word))
            } catch (broken: Broken) {
                running.error = broken.cause
                return core.fault(waiter.id, clock.now(), broken.fault.code or broken.why.code)
            }
        running.reply = reply
        running.error = null
        val next = heeded(respond(running, reply))
        when (StepWord.kind(next)) {
            StepKind.DELIVER -> Unit
            StepKind.FAIL -> if (!running.prepared.lastOpen || !StepWord.has(next, StepFlag.RESPONSE)) retain(running, reply, next)
            StepKind.REFRESH -> retainBeforeRefresh(running, reply, next)
            else -> retain(running, reply, next)
        }
        return next
    }

    /** Retains the answer of a call that is to fetch a token. If the caller goes away meanwhile, another call fetches it. */
    private suspend fun retainBeforeRefresh(running: RunningCall<Q, R>, reply: R, word: Long) {
        var retained = false
        try {
            retain(running, reply, word)
            retained = true
        } finally {
            if (!retained) {
                engine.applyFlags(core.tokenFailed(clock.now(), StepWord.arg(word), Fault.CANCELLED.code, 0))
            }
        }
    }

    /** Makes the attempt. Connections that turn out to be closed before anything is written are no failures of it. */
    private suspend fun send(attempt: Attempt<Q>): R {
        var left = MOST_STALE
        while (true) {
            try {
                return host.send(attempt)
            } catch (broken: Broken) {
                if (!broken.stale || left-- == 0) throw broken
            }
        }
    }

    /** Wakes the calls that the word names before the answer's body is read, which may take a second. */
    private fun heeded(word: Long): Long {
        engine.applyFlags(word)
        return word and Engine.SIDE_FLAGS.inv()
    }

    private suspend fun prepare(running: RunningCall<Q, R>, word: Long): Attempt<Q> {
        val prepared = running.prepared
        val extras = if (word and EXTRAS == 0L) null else extras(running, word)
        return Attempt(
            prepared.request,
            prepared.route,
            StepWord.arg(word),
            prepared.streamed,
            StepWord.has(word, StepFlag.FRESH),
            extras,
            wholeMs(running),
        )
    }

    private fun wholeMs(running: RunningCall<Q, R>): Long {
        val prepared = running.prepared
        val limits = engine.settings.routes[prepared.route]
        val binds = limits.total > 0 && (!prepared.lastOpen || limits.totalWritten)
        val until = if (prepared.deadline > 0) prepared.deadline else if (binds) running.begun + limits.total else return 0
        return (until - clock.now()).coerceAtLeast(1)
    }

    private suspend fun extras(running: RunningCall<Q, R>, word: Long): Extras {
        val route = engine.settings.routes[running.prepared.route]
        val header = if (StepWord.has(word, StepFlag.KEY)) route.idempotencyHeader else null
        val token = if (StepWord.has(word, StepFlag.TOKEN)) token(running, StepWord.arg(word)) else null
        if (StepWord.has(word, SendFlag.RENEW)) renew(running)
        if (header == null) return Extras(null, "", token)
        val key = running.key ?: (running.prepared.key ?: ownKey(route)).also { running.key = it }
        return Extras(header, key, token)
    }

    private suspend fun token(running: RunningCall<Q, R>, withinMs: Long): String {
        running.token?.let {
            running.token = null
            return it
        }
        return try {
            checkNotNull(running.prepared.credential).now(host, withinMs)
        } catch (failed: NoCredential) {
            throw Broken(Fault.REFUSED, failed, Cause.CREDENTIAL)
        }
    }

    /** Begins to fetch the next token beside the calls, if no other call does so; this call goes on with the held one. */
    private fun renew(running: RunningCall<Q, R>) {
        val prepared = running.prepared
        val credential = prepared.credential ?: return
        val word = core.renew(clock.now(), prepared.scope)
        if (StepWord.kind(word) != StepKind.REFRESH) return
        credential.refresh(word, engine.settings.routes[prepared.route].attempt) {}
    }

    /**
     * Begins a refresh for all calls that wait for the credential. This call leads it and is parked like them. The refresh
     * is not cancelled with its leader; the core limits how long the leader waits.
     */
    private fun refresh(running: RunningCall<Q, R>, word: Long): Long {
        val credential = checkNotNull(running.prepared.credential) { "a refresh without credentials" }
        val withinMs = engine.settings.routes[running.prepared.route].attempt
        credential.refresh(word, withinMs) { plain -> running.token = plain }
        return core.resume(running.waiter.id, clock.now())
    }

    /** Reports an answer to the core: the status alone, unless it has a header or a body that the core watches. */
    private suspend fun respond(running: RunningCall<Q, R>, reply: R): Long {
        val id = running.waiter.id
        val settings = engine.settings
        // Below 400 a gauge is worth reading whole once its first header is seen.
        val signals = if (reply.status < Reply.FIRST_ERROR) settings.watchSuccess else settings.watchError
        val hints = reply.hints(signals, settings.watchError)
        val bodies = settings.routes[running.prepared.route].bodyStatuses
        val watched = bodies.isNotEmpty() && bodies.binarySearch(reply.status) >= 0
        val elsewhere = reply.redirectedTo
        if (hints == null && !watched && elsewhere == null) return core.respond(id, clock.now(), reply.status)
        val body =
            when {
                !watched || (reply.status < Reply.FIRST_ERROR && !reply.isWhole) -> NOTHING
                else -> (reply.bytes ?: host.retain(reply, Reply.MOST_INSPECTED, MOST_WAIT)).firstBytes(Reply.MOST_INSPECTED)
            }
        val status = if (elsewhere == null) reply.status else redirected(reply.status, scopeAt(running.prepared, elsewhere))
        return core.respondWith(id, clock.now(), clock.wall(), status, hints ?: NOTHING, body)
    }

    private fun scopeAt(prepared: PreparedCall<Q>, origin: String): Int =
        prepared.credential?.scopeAt(origin) ?: engine.scopeAt(origin)

    /** Retains a copy of an answer that is not final, and releases its connection before any wait. */
    private suspend fun retain(running: RunningCall<Q, R>, reply: R, next: Long) {
        val within =
            when (StepWord.kind(next)) {
                StepKind.WAIT, StepKind.PARK -> minOf(StepWord.arg(next), MOST_WAIT)
                StepKind.FAIL -> MOST_WAIT
                else -> SHORT_WAIT
            }
        val begun = clock.now()
        val bytes = host.retain(reply, MOST_RETAINED, within).firstBytes(MOST_RETAINED)
        reply.close()
        running.reply = host.retained(reply, bytes)
        running.waiter.spent = clock.now() - begun
    }

    private suspend fun pause(running: RunningCall<Q, R>, word: Long): Long {
        val waiter = running.waiter
        val left = StepWord.arg(word) - waiter.spent
        waiter.spent = 0
        if (left > 0) {
            val begun = clock.now()
            if (host.pause(waiter, left, StepWord.kind(word) == StepKind.PARK)) clock.advanceTo(begun + left)
        }
        return core.resume(waiter.id, clock.now())
    }

    private fun failed(running: RunningCall<Q, R>, word: Long): CallResult<R> {
        val report = if (StepWord.has(word, StepFlag.REPORT)) engine.report(running.waiter.id) else null
        val arg = StepWord.arg(word)
        val reason = REASONS.getOrElse((arg and 63).toInt()) { Reason.MISUSE }
        val error = running.error
        if (reason == Reason.MISUSE && error != null && error !is TooLarge) throw error
        val after = (arg shr 8).takeIf { it != StepWord.NO_TIME }
        val elapsed = report?.elapsed ?: (clock.now() - running.begun)
        val outcome = OUTCOMES.getOrElse((arg shr 6 and 3).toInt()) { Outcome.UNKNOWN }
        val attempts = report?.attempts ?: 0
        val cause =
            when (error) {
                is NoCredential -> error.cause
                null -> if (reason == Reason.AUTH) running.prepared.credential?.failure else null
                else -> error
            }
        val failure =
            CallException(
                reason,
                outcome,
                after,
                after?.let { clock.wall() + it },
                attempts,
                elapsed,
                report?.status ?: running.reply?.status,
                message(running.prepared, report, reason, outcome),
                Report.text(word, report),
                cause,
            )
        val reply = running.reply
        if (reply == null || !StepWord.has(word, StepFlag.RESPONSE)) throw failure
        return CallResult(reply, word, running.waiter.id, elapsed, failure)
    }

    /** The core's message, or one in its form if the record was dropped. */
    private fun message(prepared: PreparedCall<Q>, report: Report?, reason: Reason, outcome: Outcome): String =
        "${prepared.label(engine.settings)}: " +
            (report?.message ?: "the call failed (${reason.text}, outcome ${outcome.text}). ${Report.DROPPED}")

    internal companion object {
        /** Bytes of a body that are retained over a wait or in an exception. */
        const val MOST_RETAINED = 65_536L

        /** Milliseconds for reading such a piece before an end, and before another attempt (what OkHttp takes to drain). */
        const val MOST_WAIT = 1_000L
        const val SHORT_WAIT = 100L

        /** Connections of the pool that one attempt may find closed; then it counts as unsent. */
        const val MOST_STALE = 32

        const val EXTRAS = ((StepFlag.KEY or StepFlag.TOKEN) shl 4).toLong()
        val NOTHING = ByteArray(0)
        val REASONS = Reason.entries
        val OUTCOMES = Outcome.entries

        /** Makes an idempotency key, in the form of its header. */
        fun ownKey(route: Route): String = UUID.randomUUID().let { if (route.idempotencyQuoted) "\"$it\"" else "$it" }

        fun ByteArray.firstBytes(most: Long): ByteArray = if (size <= most) this else copyOf(most.toInt())
    }
}

