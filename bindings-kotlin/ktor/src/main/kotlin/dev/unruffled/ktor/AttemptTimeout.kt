package dev.unruffled.ktor

import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.client.request.HttpRequestBuilder
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.cancellation.CancellationException

/**
 * The time limit of one attempt. It ends the attempt's execution and nothing else, so that it is not taken for a
 * cancellation by the caller. The error is that of Ktor's own time limit.
 */
internal class AttemptTimeout private constructor(val error: HttpRequestTimeoutException) {
    private enum class State { RUNNING, ENDED, LATE }

    private val state = AtomicReference(State.RUNNING)
    private var timer: Job? = null

    /** Ends the time limit. Returns `false` if it was over before. */
    fun end(): Boolean {
        if (state.compareAndSet(State.RUNNING, State.ENDED)) timer?.cancel()
        return state.get() != State.LATE
    }

    companion object {
        /** Begins to count for [request], on the clock of [context]. An [upload] that moves has more. */
        fun begin(request: HttpRequestBuilder, ms: Long, upload: Upload?, context: CoroutineContext): AttemptTimeout {
            // Nothing of the path is said: any segment may be a secret.
            val limit = AttemptTimeout(HttpRequestTimeoutException(request.origin(), ms))
            val execution = request.executionContext
            limit.timer =
                CoroutineScope(context + execution).launch(start = CoroutineStart.UNDISPATCHED) {
                    delay(ms)
                    if (upload != null) while (true) delay(upload.left().takeIf { it > 0 } ?: break)
                    if (limit.state.compareAndSet(State.RUNNING, State.LATE)) {
                        execution.cancel(CancellationException("the attempt's time is up", limit.error))
                    }
                }
            return limit
        }
    }
}
