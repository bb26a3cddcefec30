package dev.unruffled.under

import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Waiter
import dev.unruffled.http.Progress
import dev.unruffled.http.TimeoutWatch
import dev.unruffled.http.isRepeatable
import dev.unruffled.http.isSentOnce
import okhttp3.ConnectionPool
import okhttp3.Interceptor
import okhttp3.Request
import java.io.IOException
import java.util.concurrent.TimeUnit

/** One logical call under an interceptor: each attempt proceeds with the chain once more. */
internal class InterceptedCall(
    dropIn: DropIn,
    private val chain: Interceptor.Chain,
    request: Request,
) : OkHttpCall(dropIn, request) {
    private val progress = 
        Progress().also {
            it.repeatable = request.isRepeatable()
            chain.call().addEventListener(it)
        }

    /** The call's whole time was up during an upload of unknown size, and it was cancelled for that. */
    private var late = false

    override val canceled: Boolean get() = !late && chain.call().isCanceled()

    override suspend fun attempt(attempt: Attempt<Request>): Received {
        val request = requestFor(attempt)
        progress.restart()
        progress.looks = request.isSentOnce()
        // Its pieces may keep it alive for ever, and no attempt of this call comes after its end.
        val timeLimit = if (attempt.wholeMs > 0 && request.isEndless()) TimeoutWatch.TimeLimit(chain.call(), attempt.wholeMs) else null
        timeLimit?.let(TimeoutWatch::begin)
        try {
            return received(attempt, limited(attempt).proceed(request))
        } catch (error: IOException) {
            late = timeLimit != null && timeLimit.late
            throw broken(error, progress, late, stopped = false)
        } catch (error: RuntimeException) {
            throw refused(error)
        } finally {
            timeLimit?.let(TimeoutWatch::end)
        }
    }

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean = block(waiter, ms) { progress.handle = it }

    private fun limited(attempt: Attempt<Request>): Interceptor.Chain {
        val limits = dropIn.engine.settings.routes[attempt.route]
        val most = if (attempt.timeoutMs > 0) attempt.timeoutMs else Long.MAX_VALUE
        val connect = minOf(most, if (limits.connectWritten) limits.connect else within(chain.connectTimeoutMillis()))
        val write = minOf(most, if (limits.idleWritten) limits.idle else within(chain.writeTimeoutMillis()))
        val read = minOf(most, within(chain.readTimeoutMillis()))
        var limited = if (chain.retryOnConnectionFailure) chain.withRetryOnConnectionFailure(false) else chain
        if (connect != within(chain.connectTimeoutMillis())) limited = limited.withConnectTimeout(int(connect), UNIT)
        if (write != within(chain.writeTimeoutMillis())) limited = limited.withWriteTimeout(int(write), UNIT)
        if (read != within(chain.readTimeoutMillis())) limited = limited.withReadTimeout(int(read), UNIT)
        return if (attempt.fresh) limited.withConnectionPool(ConnectionPool(0, 1, TimeUnit.NANOSECONDS)) else limited
    }

    private companion object {
        fun Request.isEndless(): Boolean = body.let { it != null && it.contentLength() < 0 && !it.isDuplex() }

        val UNIT = TimeUnit.MILLISECONDS

        fun within(ms: Int): Long = if (ms == 0) Long.MAX_VALUE else ms.toLong()

        fun int(ms: Long): Int = if (ms == Long.MAX_VALUE) 0 else ms.coerceAtMost(Int.MAX_VALUE.toLong()).toInt()
    }
}
