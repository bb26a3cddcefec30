package dev.unruffled.clients

import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.withContext
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonObject
import java.io.Closeable
import java.io.IOException
import java.io.InterruptedIOException
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.cancellation.CancellationException

// Each client has one file beside this one: an `object : Row` and its [Session], added to the list in
// Rows.kt. OkHttpRow.kt is the pattern for a client that blocks, KtorRow.kt for one that suspends. A row holds no
// expectation: it calls the client as a user would, and reports the result by the client's own classes.

/** A row of the table: a client, and what of unruffled is put under it. */
internal interface Row {
    /** Its word on the command line and in the table. */
    val name: String

    /** The client's own version. */
    val version: String

    /** What of unruffled is put under it. */
    val under: String

    /** The modes that it has; a row that shows another adapter under a client already there is not played bare again. */
    val modes: List<Mode> get() = Mode.entries

    /** The client for one run, as its user makes it. */
    fun open(setup: Setup): Session
}

/** How a client is installed. */
internal enum class Mode {
    /** One line of ours under it, its own retries off. */
    UNRUFFLED,

    /** As its user installs it, its own retries at their defaults. */
    BARE,
    ;

    val word: String get() = name.lowercase()
}

/** What a client is made from. */
internal class Setup(
    val mode: Mode,
    /** The base URL, without a slash at its end; the client's own path follows. */
    val base: String,
    /** The policy as JSON, with `baseUrl`. */
    val policy: String,
    /** Milliseconds for one request by the policy; in mode bare the client's own limit is set to it, if it has one. */
    val attemptMs: Long?,
    /** What it logs in with, or `null`. */
    val tokens: Tokens?,
)

/** The bearer tokens of a run: a login gives the next one. */
internal class Tokens(private val all: List<String>) {
    private val at = AtomicInteger()

    /** How often a new one was asked for. */
    val refreshes: Int get() = at.get()

    /** The token to send now. */
    val now: String get() = all[minOf(at.get(), all.size - 1)]

    /** Returns the token after [old], which the server has refused. */
    fun after(old: String): String {
        val seen = at.get()
        if (all[minOf(seen, all.size - 1)] == old) at.compareAndSet(seen, seen + 1)
        return now
    }
}

/** A client in use. Its operations return what was answered, or throw whatever the client throws. */
internal interface Session : Closeable {
    /** Gets a thing: `GET`. */
    suspend fun read(turn: Turn): Int

    /** Makes a thing: `POST` with a body that holds [Turn.json]. */
    suspend fun write(turn: Turn): Int

    /** Reads a stream piece by piece and reports its headers and each piece to the turn. */
    suspend fun stream(turn: Turn): Int = throw Absent()

    /** The status in an exception of the client's that stands for one. */
    fun status(error: Throwable): Int? = null

    /** Whether [error] is what the client says when its own caller has cancelled. */
    fun cancelled(error: Throwable): Boolean = error is CancellationException

    /** Returns the family of [error] by the client's own classes. */
    fun family(error: Throwable): Family = Family.of(error)

    /** Whether a 401 makes the client renew its token by a hook of its own; else the caller does it by hand. */
    val renews: Boolean get() = false
}

/** What a native error is about. */
internal enum class Family {
    TIMEOUT,
    CONNECTION,
    OTHER,
    ;

    companion object {
        /**
         * Returns the family by the JVM's own classes. A `CancellationException` without a cancellation is a time
         * limit, too.
         */
        fun of(error: Throwable): Family =
            when (error) {
                is InterruptedIOException -> TIMEOUT
                is IOException -> CONNECTION
                else -> OTHER
            }
    }
}

/** The error for an operation that the client does not have. */
internal class Absent : Exception()

/** One call: its request, its cancellation, and the progress of its stream. */
internal class Turn(val json: JsonElement?, val headers: Map<String, String>) {
    private val cancelling = AtomicReference<() -> Unit>()
    private val begun = System.nanoTime()

    /** When the headers of a stream were there, in ms from the start. */
    @Volatile
    var headersMs: Double? = null
        private set

    /** The status of a stream. */
    @Volatile
    var status: Int? = null
        private set

    /** Bytes of a stream so far. */
    @Volatile
    var bytes: Long = 0
        private set

    /** How a client that blocks is cancelled. One that suspends needs nothing: its coroutine is. */
    fun onCancel(cancel: () -> Unit) {
        cancelling.set(cancel)
    }

    /** Cancels by the client's own means; `false`: it has none but its coroutine. */
    fun cancel(): Boolean = cancelling.get()?.invoke() != null

    /** Notes that the headers of a stream have come. */
    fun opened(status: Int) {
        this.status = status
        headersMs = since()
    }

    /** Notes that a piece of a stream has come. */
    fun piece(size: Int) {
        bytes += size
    }

    /** Returns milliseconds from the start. */
    fun since(): Double = (System.nanoTime() - begun) / NANOS

    /** Plays a call that blocks, on a thread of its own. */
    suspend fun <T> blocking(call: () -> T): T =
        Executors.newSingleThreadExecutor {
            Thread(it, "caller").apply { isDaemon = true }
        }.asCoroutineDispatcher().use {
            withContext(it + NonCancellable) { call() }
        }

    private companion object {
        const val NANOS = 1e6
    }
}

/** The server's value for a thing. */
internal object Thing {
    /** @throws Wrong if [text] is not the thing, whole. */
    fun check(text: String) {
        val whole =
            try {
                Json.parseToJsonElement(text).jsonObject
            } catch (_: IllegalArgumentException) {
                throw Wrong(text)
            }
        check(whole)
    }

    /** Does the same for a value that the client has read. */
    fun check(json: JsonObject) {
        if (json["id"] != JsonPrimitive("r1")) throw Wrong(json.toString())
    }
}

/** The error for a value that is not the server's. */
internal class Wrong(text: String) : Exception(text.take(MOST)) {
    private companion object {
        const val MOST = 200
    }
}
