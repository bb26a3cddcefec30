package dev.unruffled.driver

import dev.unruffled.Event
import dev.unruffled.PolicyException
import dev.unruffled.PolicyIssue
import dev.unruffled.UnknownKeys
import dev.unruffled.core.Core
import dev.unruffled.core.MisuseCode
import dev.unruffled.core.Report
import dev.unruffled.core.Settings
import dev.unruffled.core.StepFlag
import dev.unruffled.core.StepKind
import dev.unruffled.core.StepWord
import dev.unruffled.core.plain
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import java.security.SecureRandom
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicInteger

/**
 * One open engine of the core with its settings, the calls that are alive, and the targets. A client, its blocking twin and its
 * views with other credentials share it.
 */
internal class Engine(
    policy: String,
    unknownKeys: UnknownKeys,
    baseUrl: String?,
    listeners: List<(Event) -> Unit>,
    val clock: Clock = SystemClock(),
) {
    val core: Core = Core(policy, unknownKeys == UnknownKeys.WARN)
    val settings: Settings

    /** The base URL of the policy, or the one that the program gave; `null` if there is none. */
    val baseUrl: String?
    val events: EventQueue

    private val waiters: ConcurrentMap<Int, Waiter> = ConcurrentHashMap()
    private val counter = AtomicInteger()
    private val targets: ConcurrentMap<String, Int> = ConcurrentHashMap()
    private val scopes: ConcurrentMap<String, Int> = ConcurrentHashMap()
    private val closed = AtomicBoolean()
    private val released = AtomicBoolean()
    private val watched = EngineCleaner.watch(this, core)

    /** Credentials of views. */
    val views: Views = Views(core, clock)

    init {
        try {
            var read = Settings(core.settings())
            val elsewhere = baseUrl ?: read.baseEnv?.let { environment(it) }
            if (elsewhere != null) {
                core.base(elsewhere)
                read = Settings(core.settings())
            }
            settings = read
            this.baseUrl = read.baseUrl ?: elsewhere
            events = EventQueue(core, clock, read.warnings, listeners)
            core.seed(SecureRandom().nextLong() ushr UNUSED_BITS)
        } catch (failed: RuntimeException) {
            watched.release()
            throw failed
        }
    }

    /** The target of `METHOD /path/{id}` or `METHOD https://…`: its route and endpoint as [begin] takes them. */
    fun target(text: String): Int {
        targets[text]?.let { return it }
        val target = core.route(text)
        if (targets.size < MOST_TARGETS) targets[text] = target
        return target
    }

    /** The core's number for an origin with the client's own credential. */
    fun scopeAt(origin: String): Int {
        scopes[origin]?.let { return it }
        // Of the thousand seen last: origins of others are without end.
        if (scopes.size >= MOST_ORIGINS) scopes.clear()
        return core.scope(origin, "").also { scopes[origin] = it }
    }

    /**
     * Begins a call under the next free number; `null` if the client is closed. The waiter's first word is [Waiter.word].
     */
    fun begin(target: Int, scope: Int, flags: Int, deadline: Long): Waiter? {
        while (true) {
            val waiter = Waiter(counter.getAndIncrement())
            if (waiters.putIfAbsent(waiter.id, waiter) != null) continue
            waiter.word = core.begin(waiter.id, clock.now(), target, scope, flags, deadline)
            if (StepWord.kind(waiter.word) != StepKind.MISUSE) return waiter
            waiters.remove(waiter.id)
            // The native side goes with the last call after a close.
            if (closed.get()) return null
            if (StepWord.arg(waiter.word) != MisuseCode.LIVE) throw misuse(waiter.word)
        }
    }

    /** A call has ended or gone away. */
    fun leave(waiter: Waiter) {
        waiters.remove(waiter.id)
        if (closed.get() && waiters.isEmpty()) release()
    }

    /** Acts on the flags of a step word: wakes the calls that it names, fetches events that are due. */
    fun applyFlags(word: Long) {
        if (word and SIDE_FLAGS == 0L) return
        if (StepWord.has(word, StepFlag.WAKES)) {
            while (true) {
                val woken = core.wake()
                val next = StepWord.arg(woken)
                // The last call that was woken may have released the engine meanwhile: no more names from it.
                if (StepWord.kind(woken) != StepKind.DONE || next == 0L) break
                waiters[(next - 1).toInt()]?.wake()
            }
        }
        if (StepWord.has(word, StepFlag.EVENTS)) events.pull()
    }

    /** Ends all waits with `closed`; the native side goes with the last call. */
    fun close() {
        if (!closed.compareAndSet(false, true)) return
        applyFlags(core.close(clock.now()))
        events.pull()
        if (waiters.isEmpty()) release()
    }

    /** The record of an ended call; `null` once the engine is released. */
    fun report(call: Int): Report? = if (released.get()) null else Report.read(core.report(call))

    /** Returns the state of breaker, budget, limits and queues: plain values as the core names them. */
    fun snapshot(): Map<String, Any?> =
        Json.parseToJsonElement(core.snapshot(clock.now())).jsonObject.mapValues { plain(it.value) }

    private fun release() {
        if (released.compareAndSet(false, true)) watched.release()
    }

    private fun environment(name: String): String =
        System.getenv(name)
            ?: throw PolicyException(listOf(PolicyIssue("baseUrl", "baseUrl: $name is not set in the environment", 0, 0)))

    internal companion object {
        /** Seeds have 52 bits. */
        private const val UNUSED_BITS = 12
        private const val MOST_TARGETS = 4_096
        private const val MOST_ORIGINS = 1_000

        /** What [applyFlags] acts upon. */
        const val SIDE_FLAGS = ((StepFlag.WAKES or StepFlag.EVENTS) shl 4).toLong()
    }
}

/** A word that a correct driver never sees. */
internal fun misuse(word: Long): IllegalStateException =
    IllegalStateException("unruffled used its core wrongly (word ${word.toString(16)}); please report this")
