package dev.unruffled.driver

import dev.unruffled.Event
import dev.unruffled.PolicyIssue
import dev.unruffled.core.Core
import dev.unruffled.core.number
import dev.unruffled.core.plain
import dev.unruffled.core.text
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import java.io.Closeable
import java.util.concurrent.CopyOnWriteArrayList

/** The listeners of an engine. Fetches events from the core in batches: when a call ends, and when the core asks for it. */
internal class EventQueue(
    private val core: Core,
    private val clock: Clock,
    warnings: List<PolicyIssue>,
    initial: List<(Event) -> Unit>,
) {
    private val listeners = CopyOnWriteArrayList<(Event) -> Unit>()

    init {
        initial.forEach(::add)
        warnings.forEach { report(Event("warning", 0, mapOf("text" to it.text))) }
    }

    /** Whether there are listeners. */
    val wanted: Boolean get() = listeners.isNotEmpty()

    fun add(listener: (Event) -> Unit): Closeable {
        if (listeners.isEmpty()) core.subscribe(ALL)
        listeners.add(listener)
        return Closeable {
            listeners.remove(listener)
            if (listeners.isEmpty()) core.subscribe(0)
        }
    }

    /** Reports what the core has recorded. A listener that throws does not disturb the call. */
    fun pull() {
        if (!wanted) return
        val root = Json.parseToJsonElement(core.events()).jsonObject
        val dropped = root["dropped"]?.let { root.number("dropped") } ?: 0
        if (dropped > 0) report(Event("dropped", clock.now(), mapOf("events" to dropped)))
        root["events"]?.jsonArray?.forEach { each ->
            val event = each.jsonObject
            val values = event.filterKeys { it != "at" && it != "kind" }.mapValues { plain(it.value) }
            report(Event(event.text("kind").orEmpty(), event.number("at"), values))
        }
    }

    /** Reports settings that contradict each other. */
    fun warn(text: String) = report(Event("warning", clock.now(), mapOf("text" to text)))

    private fun report(event: Event) {
        for (listener in listeners) {
            try {
                listener(event)
            } catch (_: InterruptedException) {
                Thread.currentThread().interrupt()
            } catch (@Suppress("TooGenericExceptionCaught") _: Exception) {
                // A listener must not change the call.
            } catch (@Suppress("TooGenericExceptionCaught") fatal: Throwable) {
                // The error must be seen, but the call has to end all the same.
                val thread = Thread.currentThread()
                thread.uncaughtExceptionHandler?.uncaughtException(thread, fatal)
            }
        }
    }

    private companion object {
        const val ALL = 255
    }
}
