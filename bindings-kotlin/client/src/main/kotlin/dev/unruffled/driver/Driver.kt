package dev.unruffled.driver

import dev.unruffled.CallException
import dev.unruffled.Need
import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.core.Cause
import dev.unruffled.core.Fault
import dev.unruffled.core.Report
import dev.unruffled.core.Route
import dev.unruffled.core.Word
import dev.unruffled.core.redirected
import java.util.UUID
import kotlin.coroutines.cancellation.CancellationException

/** How a call ended that has an answer: the last reply and the core's last word. */
internal class Ended<R : Reply>(
    val reply: R,
    val word: Long,
    val call: Int,
    val elapsed: Long,
    /** Set if the core gave up: the reply is the last one, and this says why. */
    val failure: CallException?,
) {
    /** The status may be the echo of an earlier attempt that was applied. */
    val maybeApplied: Boolean get() = Word.has(word, Word.APPLIED)

    /** The table of attempts and waits, read from the core on demand. */
    fun story(engine: Engine): () -> String {
        failure?.let { return it::explain }
        val report = if (Word.has(word, Word.REPORT)) call else null
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
    suspend fun run(outgoing: Outgoing<Q>): Ended<R> {
        val seat = engine.begin(outgoing.target, outgoing.scope, outgoing.what, outgoing.deadline) ?: throw closed(outgoing)
        val flight = Flight<Q, R>(outgoing, seat, clock.now())
        var ended = false
        try {
            var word = seat.word
            while (true) {
                engine.heed(word)
                when (Word.kind(word)) {
                    Word.SEND -> word = attempt(flight, word)
                    Word.WAIT, Word.PARK -> word = rest(flight, word)
                    Word.REFRESH -> word = refresh(flight, word)
                    Word.DELIVER -> {
                        ended = true
                        return Ended(checkNotNull(flight.reply), word, seat.id, clock.now() - flight.begun, null)
                    }
                    Word.FAIL -> {
                        ended = true
                        return failed(flight, word)
                    }
                    else -> throw misuse(word)
                }
            }
        } finally {
            // The body of an interceptor may throw on close. The end of the call is reported to the core all the same.
            try {
                if (!ended) flight.reply?.close()
            } finally {
                if (!ended) engine.heed(core.abandon(seat.id, clock.now()))
                engine.leave(seat)
                if (engine.events.wanted) engine.events.pull()
            }
        }
    }

    private fun closed(outgoing: Outgoing<Q>): CallException =
        CallException.unsent(outgoing.label(engine.settings), Reason.CLOSED, "The client is closed; open a new one.")

    /** The state of one call between its steps. */
    private class Flight<Q, R : Reply>(val outgoing: Outgoing<Q>, val seat: Seat, val begun: Long) {
        var reply: R? = null
        var error: Throwable? = null
        var key: String? = null

        /** A plain credential that this call obtained itself, for its next attempt only. */
        @Volatile
        var token: String? = null
    }

    private suspend fun attempt(flight: Flight<Q, R>, word: Long): Long {
        val seat = flight.seat
        val reply =
            try {
                flight.reply?.close()
                flight.reply = null
                send(prepare(flight, word))
            } catch (broken: Broken) {
                flight.error = broken.cause
                return core.fault(seat.id, clock.now(), broken.fault.code or broken.why.code)
            }
        flight.reply = reply
        flight.error = null
        val next = heeded(respond(flight, reply))
        when (Word.kind(next)) {
            Word.DELIVER -> Unit
            Word.FAIL -> if (!flight.outgoing.lastOpen || !Word.has(next, Word.RESPONSE)) set(flight, reply, next)
            else -> set(flight, reply, next)
        }
        return next
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

    /** Wakes whom the word names before the answer's body is read, which may take a second. */
    private fun heeded(word: Long): Long {
        engine.heed(word)
        return word and Engine.RIDERS.inv()
    }

    private suspend fun prepare(flight: Flight<Q, R>, word: Long): Attempt<Q> {
        val outgoing = flight.outgoing
        val extras = if (word and EXTRAS == 0L) null else extras(flight, word)
        return Attempt(
            outgoing.request,
            outgoing.route,
            Word.arg(word),
            outgoing.streamed,
            Word.has(word, Word.FRESH),
            extras,
            wholeMs(flight),
        )
    }

    private fun wholeMs(flight: Flight<Q, R>): Long {
        val outgoing = flight.outgoing
        val limits = engine.settings.routes[outgoing.route]
        val binds = limits.total > 0 && (!outgoing.lastOpen || limits.totalWritten)
        val until = if (outgoing.deadline > 0) outgoing.deadline else if (binds) flight.begun + limits.total else return 0
        return (until - clock.now()).coerceAtLeast(1)
    }

    private suspend fun extras(flight: Flight<Q, R>, word: Long): Extras {
        val route = engine.settings.routes[flight.outgoing.route]
        val header = if (Word.has(word, Word.KEY)) route.idempotencyHeader else null
        val token = if (Word.has(word, Word.TOKEN)) token(flight, Word.arg(word)) else null
        if (header == null) return Extras(null, "", token)
        val key = flight.key ?: (flight.outgoing.key ?: ownKey(route)).also { flight.key = it }
        return Extras(header, key, token)
    }

    private suspend fun token(flight: Flight<Q, R>, withinMs: Long): String {
        flight.token?.let {
            flight.token = null
            return it
        }
        return try {
            checkNotNull(flight.outgoing.credential).now(host, withinMs)
        } catch (failed: NoCredential) {
            throw Broken(Fault.REFUSED, failed, Cause.CREDENTIAL)
        }
    }

    /**
     * Begins a refresh for all calls that wait for the credential. This call leads it and is parked like them. The refresh
     * is not cancelled with its leader; the core limits how long the leader waits.
     */
    private fun refresh(flight: Flight<Q, R>, word: Long): Long {
        val credential = checkNotNull(flight.outgoing.credential) { "a refresh without credentials" }
        val withinMs = engine.settings.routes[flight.outgoing.route].attempt
        credential.refresh(Word.arg(word), Need.of(word), withinMs) { plain -> flight.token = plain }
        return core.resume(flight.seat.id, clock.now())
    }

    /** Reports an answer to the core: the status alone, unless it has a header or a body that the core watches. */
    private suspend fun respond(flight: Flight<Q, R>, reply: R): Long {
        val id = flight.seat.id
        val settings = engine.settings
        // Below 400 a gauge is worth reading whole once its first header is seen.
        val signals = if (reply.status < Reply.FIRST_ERROR) settings.watchSuccess else settings.watchError
        val hints = reply.hints(signals, settings.watchError)
        val bodies = settings.routes[flight.outgoing.route].bodyStatuses
        val asked = bodies.isNotEmpty() && bodies.binarySearch(reply.status) >= 0
        val elsewhere = reply.redirectedTo
        if (hints == null && !asked && elsewhere == null) return core.respond(id, clock.now(), reply.status)
        val body =
            when {
                !asked || (reply.status < Reply.FIRST_ERROR && !reply.isWhole) -> NOTHING
                else -> (reply.bytes ?: host.keep(reply, MOST_TOLD, MOST_WAIT)).firstBytes(MOST_TOLD)
            }
        val status = if (elsewhere == null) reply.status else redirected(reply.status, scopeAt(flight.outgoing, elsewhere))
        return core.respondWith(id, clock.now(), clock.wall(), status, hints ?: NOTHING, body)
    }

    private fun scopeAt(outgoing: Outgoing<Q>, origin: String): Int =
        outgoing.credential?.scopeAt(origin) ?: engine.scopeAt(origin)

    /** Retains a copy of an answer that is not final, and releases its connection before any wait. */
    private suspend fun set(flight: Flight<Q, R>, reply: R, next: Long) {
        val within =
            when (Word.kind(next)) {
                Word.WAIT, Word.PARK -> minOf(Word.arg(next), MOST_WAIT)
                Word.FAIL -> MOST_WAIT
                else -> SHORT_WAIT
            }
        val begun = clock.now()
        val bytes = host.keep(reply, MOST_KEPT, within).firstBytes(MOST_KEPT)
        reply.close()
        flight.reply = host.kept(reply, bytes)
        flight.seat.spent = clock.now() - begun
    }

    private suspend fun rest(flight: Flight<Q, R>, word: Long): Long {
        val seat = flight.seat
        val left = Word.arg(word) - seat.spent
        seat.spent = 0
        if (left > 0) {
            val begun = clock.now()
            if (host.rest(seat, left, Word.kind(word) == Word.PARK)) clock.reach(begun + left)
        }
        return core.resume(seat.id, clock.now())
    }

    private fun failed(flight: Flight<Q, R>, word: Long): Ended<R> {
        val report = if (Word.has(word, Word.REPORT)) engine.report(flight.seat.id) else null
        val arg = Word.arg(word)
        val reason = REASONS.getOrElse((arg and 63).toInt()) { Reason.MISUSE }
        val error = flight.error
        if (reason == Reason.MISUSE && error != null && error !is TooLarge) throw error
        val after = (arg shr 8).takeIf { it != Word.NO_TIME }
        val elapsed = report?.elapsed ?: (clock.now() - flight.begun)
        val outcome = OUTCOMES.getOrElse((arg shr 6 and 3).toInt()) { Outcome.UNKNOWN }
        val attempts = report?.attempts ?: 0
        val cause =
            when (error) {
                is NoCredential -> error.cause
                null -> if (reason == Reason.AUTH) flight.outgoing.credential?.failure else null
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
                report?.status ?: flight.reply?.status,
                message(flight.outgoing, report, reason, outcome),
                Report.text(word, report),
                cause,
            )
        val reply = flight.reply
        if (reply == null || !Word.has(word, Word.RESPONSE)) throw failure
        return Ended(reply, word, flight.seat.id, elapsed, failure)
    }

    /** The core's message, or one in its form if the record was dropped. */
    private fun message(outgoing: Outgoing<Q>, report: Report?, reason: Reason, outcome: Outcome): String =
        "${outgoing.label(engine.settings)}: " +
            (report?.message ?: "the call failed (${reason.text}, outcome ${outcome.text}). ${Report.DROPPED}")

    internal companion object {
        /** Bytes of a body that a rule may look at. */
        const val MOST_TOLD = 4_096L

        /** Bytes of a body that are retained over a wait or in an exception. */
        const val MOST_KEPT = 65_536L

        /** Milliseconds for reading such a piece before an end, and before another attempt (what OkHttp takes to drain). */
        const val MOST_WAIT = 1_000L
        const val SHORT_WAIT = 100L

        /** Connections of the pool that one attempt may find closed; then it counts as unsent. */
        const val MOST_STALE = 32

        const val EXTRAS = ((Word.KEY or Word.TOKEN) shl 4).toLong()
        val NOTHING = ByteArray(0)
        val REASONS = Reason.entries
        val OUTCOMES = Outcome.entries

        /** Makes an idempotency key, in the form of its header. */
        fun ownKey(route: Route): String = UUID.randomUUID().let { if (route.idempotencyQuoted) "\"$it\"" else "$it" }

        fun ByteArray.firstBytes(most: Long): ByteArray = if (size <= most) this else copyOf(most.toInt())
    }
}

