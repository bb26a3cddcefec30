package dev.unruffled.driver

import dev.unruffled.ClientOptions
import dev.unruffled.Policy
import dev.unruffled.core.CallFlags
import dev.unruffled.core.CallTrait
import dev.unruffled.core.Fault
import dev.unruffled.core.Settings
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.OkHttpReply
import dev.unruffled.http.Suspending
import dev.unruffled.http.Transport
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.test.TestScope
import okhttp3.Headers.Companion.headersOf
import okhttp3.OkHttpClient
import okhttp3.Request
import java.io.IOException
import java.util.concurrent.CopyOnWriteArrayList

/** A host without a network: attempts follow a script, waits are the suspending host's own, in the test's time. */
internal class Played(private val scope: TestScope, settings: Settings, private val answers: List<Play>) : OkHttpHost {
    private val real = Suspending(Transport(OkHttpClient(), settings))
    private var next = 0

    /** The time and the request of each attempt. */
    val sent = CopyOnWriteArrayList<Pair<Long, Attempt<Request>>>()

    /** The numbers of waits that were begun and of attempts in flight. */
    var resting = 0
        private set
    var flying = 0
        private set

    override suspend fun send(attempt: Attempt<Request>): OkHttpReply {
        sent += scope.testScheduler.currentTime to attempt
        val play = answers[minOf(next++, answers.size - 1)]
        flying++
        try {
            play.afterMs?.let { delay(it) } ?: awaitCancellation()
        } finally {
            flying--
        }
        play.fault?.let { throw Broken(it, IOException("scripted")) }
        return OkHttpReply(play.status, headersOf(*play.headers), play.body.encodeToByteArray(), null)
    }

    override suspend fun retain(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray = checkNotNull(reply.bytes)

    override suspend fun whole(reply: OkHttpReply, most: Long): ByteArray = checkNotNull(reply.bytes)

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean {
        resting++
        try {
            // All time is virtual here, that of the other calls too.
            return real.pause(waiter, ms, parked = false)
        } finally {
            resting--
        }
    }

    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T = function()
}

/** One scripted answer; `afterMs` null = never. */
internal class Play(
    val status: Int = 200,
    val afterMs: Long? = 0,
    val fault: Fault? = null,
    val body: String = "",
    vararg val headers: String,
)

/** An engine in the test's time. */
internal fun TestScope.engine(policy: String, options: ClientOptions = ClientOptions()): Engine {
    val clock =
        object : Clock {
            override fun now(): Long = testScheduler.currentTime

            override fun wall(): Long = 1_767_225_600_000 + testScheduler.currentTime
        }
    return options.open(Policy.fromString(policy), clock)
}

/** Prepares a call of this engine as a verb does. */
internal fun Engine.prepared(
    method: String = "GET",
    credential: Credential? = null,
    deadlineMs: Long = 0,
    target: Int = 0,
): PreparedCall<Request> {
    val flags = CallTrait.REPEATABLE or (if (credential == null) 0 else CallTrait.CREDENTIALS)
    return PreparedCall(
        method,
        "/orders",
        Request.Builder().url("https://api.example.com/orders").build(),
        target,
        credential?.scope ?: 0,
        CallFlags.of(method, flags),
        if (deadlineMs == 0L) 0 else clock.now() + deadlineMs,
        streamed = false,
        key = null,
        credential = credential,
    )
}

/** Begins a call of an engine that is open. */
internal fun Engine.beginCall(call: PreparedCall<*>): Waiter =
    checkNotNull(begin(call.target, call.scope, call.flags, call.deadline)) { "closed" }
