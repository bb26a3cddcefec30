package dev.unruffled

import dev.unruffled.driver.CallRecord
import dev.unruffled.under.AttemptFactory
import dev.unruffled.under.DropIn
import dev.unruffled.under.RetryingCall
import dev.unruffled.under.table
import okhttp3.Call
import okhttp3.Request
import okhttp3.Response
import java.io.Closeable

/**
 * A drop-in for `OkHttpClient` wherever a [Call.Factory] is taken: Retrofit, Apollo, generated clients. Each of its calls
 * makes one real call per attempt, so that time limits of attempts are real, a wait holds no slot of the dispatcher, and
 * [Call.cancel] ends it at once.
 *
 * It keeps OkHttp's contract: an answer of any status is returned, the last native [java.io.IOException] is thrown again,
 * and where nothing was sent a [CallException], or for time limits a [java.net.SocketTimeoutException] with it as its cause.
 * It adds no header but the policy's idempotency key. For OkHttp 5.4 and newer.
 */
public class ResilientCallFactory internal constructor(
    private val dropIn: DropIn,
    private val attempts: AttemptFactory,
) : Call.Factory,
    Closeable {
    /** Returns a call that has not begun. It may be [Call.clone]d, and is executed once. */
    override fun newCall(request: Request): Call = RetryingCall(dropIn, attempts, request)

    /**
     * Returns a short table of the attempts and waits of the call that ended with [response]; empty if it is not known
     * here.
     */
    public fun explain(response: Response): String = response.table()

    /** Returns the same table of a call that failed with [error]; empty if it is not known here. */
    public fun explain(error: Throwable): String = CallRecord.of(error)

    /** Reports events to [listener], in batches, until the returned handle is closed. */
    public fun on(listener: (Event) -> Unit): Closeable = dropIn.engine.events.add(listener)

    /** Returns the state of breaker, budget, limits and queues: plain values as the core names them. */
    public fun snapshot(): Map<String, Any?> = dropIn.engine.snapshot()

    /** Ends all waits. Calls in flight may still be answered; new ones fail. The client below stays open. */
    override fun close() {
        dropIn.engine.close()
    }
}
