package dev.unruffled.ktor

import dev.unruffled.CallException
import dev.unruffled.core.Fault
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Broken
import dev.unruffled.driver.CallRecord
import dev.unruffled.driver.Host
import dev.unruffled.driver.Reply
import dev.unruffled.driver.Waiter
import dev.unruffled.driver.pause
import dev.unruffled.under.DropIn
import dev.unruffled.under.DropInRequest
import dev.unruffled.under.nativeError
import io.ktor.client.HttpClient
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.replaceResponse
import io.ktor.client.call.save
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.client.plugins.HttpTimeoutCapability
import io.ktor.client.plugins.HttpTimeoutConfig
import io.ktor.client.plugins.SendCountExceedException
import io.ktor.client.plugins.Sender
import io.ktor.client.plugins.isSaved
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.setBody
import io.ktor.client.utils.unwrapCancellationException
import io.ktor.http.Headers
import io.ktor.util.appendAll
import io.ktor.util.filter
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.InternalAPI
import kotlinx.coroutines.CompletableJob
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import java.io.IOException
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.cancellation.CancellationException

/**
 * One call under Ktor: the requests of its attempts, the answers that the core receives, and the end of the call in Ktor's own
 * terms. An attempt is one run of the pipeline below the plugin.
 */
internal class KtorCall(
    private val dropIn: DropIn,
    private val client: HttpClient,
    private val sender: Sender,
    private val request: HttpRequestBuilder,
) : Host<HttpRequestBuilder, Received> {
    private val record = CallRecord()

    /** Sockets have real time, whatever clock the caller's dispatcher has; a mock of them has the caller's. */
    private suspend fun sockets(): CoroutineContext =
        if (client.engine.javaClass.name == MOCK) {
            currentCoroutineContext()[ContinuationInterceptor] ?: EmptyCoroutineContext
        } else {
            Dispatchers.Default
        }
    private var last: Received? = null

    /** Drives the call to its end. */
    suspend fun drive(): HttpClientCall {
        val above = request.attributes.getOrNull(RECORD)
        val incoming =
            DropInRequest(
                request,
                request.method.value.uppercase(),
                request.origin(),
                request.path(),
                request.isRepeatable(),
                request.uploadBytes(),
                // Ktor's own retries count as well. A record that is complete belongs to an earlier answer's request.
                nested = (above != null && above.table == null) || request.isRetriedBy(client),
            )
        try {
            return dropIn.run(this, incoming, record) { request.headers[it] }.deliver()
        } catch (unsent: CallException) {
            throw unsent.nativeError()
        } catch (spent: SendCountExceedException) {
            // Ktor sends so often for a call and no more: its last answer says more than that.
            return last?.deliver() ?: throw spent
        }
    }

    override suspend fun send(attempt: Attempt<HttpRequestBuilder>): Received {
        val own = requestFor(attempt)
        record.head = null
        record.followed = false
        val upload = Upload.of(own, attempt, dropIn.route(attempt.route).idle)
        if (upload != null) own.setBody(upload.content)
        val limit = if (attempt.timeoutMs > 0) AttemptTimeout.begin(own, attempt.timeoutMs, upload, sockets()) else null
        try {
            val reply = received(attempt, own, sender.execute(own))
            if (limit?.end() == false) throw limit.error
            return reply
        } catch (@Suppress("TooGenericExceptionCaught") error: Throwable) {
            own.executionContext.cancel(CancellationException("the attempt is over", error))
            val late = if (limit?.end() == false) limit.error else null
            upload?.failure?.takeIf { late == null }?.let { throw mistaken(it) }
            (record.head as? HttpClientCall)?.takeIf { late == null }?.let { return bare(it, own) }
            throw judged(error, late)
        }
    }

    /** Copies the request for one attempt, with an execution of its own that ends with the caller's. */
    private fun requestFor(attempt: Attempt<HttpRequestBuilder>): HttpRequestBuilder {
        val own = HttpRequestBuilder().takeFrom(request)
        val execution = own.executionContext as CompletableJob
        request.executionContext.invokeOnCompletion { cause ->
            if (cause == null) execution.complete() else execution.completeExceptionally(cause)
        }
        own.attributes.put(RECORD, record)
        attempt.extras?.run { keyHeader?.let { if (it !in own.headers) own.headers[it] = key } }
        val limits = dropIn.route(attempt.route)
        own.attributes.run {
            if (limits.idleWritten && !own.isSession()) put(Silence.LIMIT, limits.idle) else remove(Silence.LIMIT)
        }
        if (limits.connectWritten && client.isSupported(HttpTimeoutCapability)) {
            val theirs = own.getCapabilityOrNull(HttpTimeoutCapability)
            val ours = HttpTimeoutConfig(theirs?.requestTimeoutMillis, limits.connect, theirs?.socketTimeoutMillis)
            own.setCapability(HttpTimeoutCapability, ours)
        }
        return own
    }

    /** Returns an answer as Ktor gives it: whole, unless the caller reads it as a stream. */
    private suspend fun received(attempt: Attempt<*>, own: HttpRequestBuilder, call: HttpClientCall): Received {
        val response = call.response
        val limits = dropIn.route(attempt.route)
        val status = response.status.value
        val whole =
            when {
                response.isSaved -> call
                own.isSession() || !response.isShort(limits.bufferUpTo, dropIn.streamType) -> return Received(call, own)
                else -> call.saved()
            }
        val inspected = status < Reply.FIRST_ERROR && limits.bodyStatuses.binarySearch(status) >= 0
        if (!inspected) return Received(whole, own, whole = true)
        val saved = whole.saved()
        return Received(saved, own, saved.start(Reply.MOST_INSPECTED), whole = true)
    }

    private suspend fun HttpClientCall.saved(): HttpClientCall =
        try {
            save()
        } catch (broken: IOException) {
            throw Truncated(broken)
        }

    /** Returns the error of the body's own source: no fault of the network. */
    private suspend fun mistaken(error: Throwable): Throwable {
        currentCoroutineContext().ensureActive()
        request.ensureWanted()
        return if (error is CancellationException || error !is Exception) error else Broken(Fault.REFUSED, error)
    }

    /** Returns the status alone of an answer whose body could not be read or unpacked. */
    @OptIn(InternalAPI::class)
    private suspend fun bare(call: HttpClientCall, own: HttpRequestBuilder): Received {
        currentCoroutineContext().ensureActive()
        request.ensureWanted()
        val headers = Headers.build {
            appendAll(call.response.headers.filter { name, _ -> !name.equals("Content-Length", ignoreCase = true) })
        }
        return Received(call.replaceResponse(headers) { ByteReadChannel.Empty }, own, NOTHING, whole = true)
    }

    /** The error of a failed attempt: a cancellation, or a [Broken] for the core to judge. */
    private suspend fun judged(error: Throwable, late: HttpRequestTimeoutException?): Throwable {
        currentCoroutineContext().ensureActive()
        request.ensureWanted()
        if (error is SendCountExceedException) return error
        val native = late ?: error.unwrapCancellationException()
        return if (native is CancellationException || native !is Exception) {
            native
        } else {
            broken(native).let {
                if (record.followed) it.afterRedirect() else it
            }
        }
    }

    override suspend fun retain(reply: Received, most: Long, withinMs: Long): ByteArray = reply.start(
        most,
        withinMs,
        sockets(),
    )

    override fun retained(reply: Received, bytes: ByteArray): Received = reply.retained(bytes).also { last = it }

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean {
        val ended = request.executionContext.invokeOnCompletion { waiter.wake() }
        val passed =
            try {
                waiter.pause(ms, if (parked) sockets() else EmptyCoroutineContext)
            } finally {
                ended.dispose()
            }
        request.ensureWanted()
        return passed
    }

    /** Throws if a plugin above has ended the call, as a time limit of the whole call does. */
    private fun HttpRequestBuilder.ensureWanted() {
        if (executionContext.isCancelled) executionContext.ensureActive()
    }

    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T = function()

    private companion object {
        val NOTHING = ByteArray(0)
        const val MOCK = "io.ktor.client.engine.mock.MockEngine"
    }
}
