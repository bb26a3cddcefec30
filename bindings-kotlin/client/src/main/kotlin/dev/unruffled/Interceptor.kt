package dev.unruffled

import dev.unruffled.core.CallTrait
import dev.unruffled.driver.CallRecord
import dev.unruffled.http.onThisThread
import dev.unruffled.http.withinMs
import dev.unruffled.under.DropIn
import dev.unruffled.under.InterceptedCall
import dev.unruffled.under.table
import okhttp3.Interceptor
import okhttp3.Response
import java.io.Closeable
import java.io.IOException

/**
 * A drop-in like [ResilientCallFactory] for where only an interceptor fits; add it with `addInterceptor`. What an interceptor
 * cannot: a wait holds the call's thread and, of an enqueued call, a slot of the dispatcher, so no wait is longer than the
 * policy's `timeouts.wait`; and one attempt cannot be cancelled, so `timeouts.attempt` limits each connecting, reading and
 * writing of it instead of all together. For OkHttp 5.4 and newer.
 */
public class ResilientInterceptor internal constructor(private val dropIn: DropIn) :
    Interceptor,
    Closeable {
    override fun intercept(chain: Interceptor.Chain): Response {
        val request = chain.request()
        // A connection that changes its protocol is the caller's own.
        if (request.header("Upgrade") != null) return chain.proceed(request)
        if (chain.connection() != null) throw IOException("unruffled is no network interceptor: add it with addInterceptor")
        return onThisThread { InterceptedCall(dropIn, chain, request).drive(chain.call().timeout().withinMs(), CallTrait.SLOT) }
    }

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

    /** Ends all waits. Calls in flight may still be answered; new ones fail. */
    override fun close() {
        dropIn.engine.close()
    }
}
