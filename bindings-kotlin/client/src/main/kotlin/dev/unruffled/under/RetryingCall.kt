package dev.unruffled.under

import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Waiter
import dev.unruffled.driver.WakeHandle
import dev.unruffled.http.Progress
import dev.unruffled.http.TimeoutWatch
import dev.unruffled.http.Upload
import dev.unruffled.http.interrupted
import dev.unruffled.http.isRepeatable
import dev.unruffled.http.isSentOnce
import dev.unruffled.http.onThisThread
import dev.unruffled.http.withinMs
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Call
import okhttp3.Callback
import okhttp3.EventListener
import okhttp3.Request
import okhttp3.Response
import okio.Timeout
import java.io.IOException
import java.net.SocketTimeoutException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.Continuation
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.startCoroutineUninterceptedOrReturn
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlin.coroutines.suspendCoroutine
import kotlin.reflect.KClass

/**
 * One call as OkHttp's interface has it: each attempt is a real call of [attempts]. Executed, it stays on its thread; enqueued, no
 * thread waits for it.
 */
internal class RetryingCall(
    private val dropIn: DropIn,
    private val attempts: AttemptFactory,
    private val request: Request,
) : Call {
    private val executed = AtomicBoolean()
    private val timeout: Timeout = Whole().timeout(attempts.callTimeoutMs, TimeUnit.MILLISECONDS)
    private val listeners = CopyOnWriteArrayList<EventListener>()
    private val tags = ConcurrentHashMap<Class<*>, Any>()

    @Volatile
    private var canceled = false

    /** The attempt in flight, or the one whose body is being read. */
    @Volatile
    private var attempt: Call? = null

    /** Woken by [cancel]. */
    @Volatile
    private var handle: WakeHandle? = null

    override fun request(): Request = request

    override fun execute(): Response {
        begin()
        return onThisThread { OnThread().drive(timeout.withinMs()) }
    }

    override fun enqueue(responseCallback: Callback) {
        begin()
        val end = CallbackContinuation(this, responseCallback)
        val work: suspend () -> Response = { Queued().drive(timeout.withinMs()) }
        val result =
            try {
                work.startCoroutineUninterceptedOrReturn(end)
            } catch (@Suppress("TooGenericExceptionCaught") failed: Throwable) {
                return attempts.threads.executor.execute { end.resumeWithException(failed) }
            }
        // Never on the thread that enqueues: it may be one that must not wait.
        if (result !== COROUTINE_SUSPENDED) attempts.threads.executor.execute { end.resume(result as Response) }
    }

    override fun cancel() {
        if (canceled) return
        canceled = true
        attempt?.cancel() ?: listeners.forEach { it.canceled(this) }
        handle?.wake()
    }

    override fun isExecuted(): Boolean = executed.get()

    override fun isCanceled(): Boolean = canceled

    override fun timeout(): Timeout = timeout

    override fun addEventListener(eventListener: EventListener) {
        listeners += eventListener
    }

    override fun <T : Any> tag(type: KClass<T>): T? = tag(type.javaObjectType)

    override fun <T> tag(type: Class<out T>): T? = type.cast(tags[type] ?: request.tag(type) ?: below(type))

    override fun <T : Any> tag(type: KClass<T>, computeIfAbsent: () -> T): T = tag(type.javaObjectType, computeIfAbsent)

    override fun <T : Any> tag(type: Class<T>, computeIfAbsent: () -> T): T =
        tag(type) ?: checkNotNull(type.cast(tags.getOrPut(type, computeIfAbsent)))

    /** A tag that the attempt's own interceptors have set; calls of an older OkHttp have no tags. */
    private fun <T> below(type: Class<out T>): T? =
        try {
            attempt?.tag(type)
        } catch (_: LinkageError) {
            null
        }

    override fun clone(): Call = RetryingCall(dropIn, attempts, request)

    private fun begin() = check(executed.compareAndSet(false, true)) { "Already Executed" }

    private fun register(handle: WakeHandle?) {
        this.handle = handle
        if (canceled) handle?.wake()
    }

    /**
     * The caller's limit for the whole call. A reader of event streams that switches it off switches off the call's
     * below, too.
     */
    private inner class Whole : Timeout() {
        override fun cancel() {
            super.cancel()
            attempt?.timeout()?.cancel()
        }
    }

    /** One real call, and how far it got. */
    private class StartedAttempt(val call: Call, val progress: Progress)

    private abstract inner class Own : OkHttpCall(dropIn, request) {
        override val canceled: Boolean get() = this@RetryingCall.canceled

        /** The next attempt of a foreign factory. It is made on the thread that answers, to which tracing ties it. */
        protected var spare: Call? = null

        /** One for all attempts: the next call of a foreign factory has it in its request already. */
        private var upload: Upload? = null

        protected fun start(attempt: Attempt<Request>): StartedAttempt {
            val upload = upload ?: Upload.of(request.body, attempt, dropIn.engine.settings.routes[attempt.route].idle)
            this.upload = upload
            val sent =
                requestFor(attempt) {
                    tags.forEach { (type, value) -> @Suppress("UNCHECKED_CAST") tag(type as Class<Any>, value) }
                    if (upload != null) method(request.method, upload)
                }
            val call =
                try {
                    spare?.also { spare = null } ?: attempts.call(attempt.route, sent, attempt.fresh)
                } catch (refused: RuntimeException) {
                    throw refused(refused)
                }
            val progress = Progress()
            progress.looks = !attempts.own && sent.isSentOnce()
            progress.upload = upload
            progress.repeatable = request.isRepeatable()
            try {
                call.addEventListener(progress)
                listeners.forEach(call::addEventListener)
            } catch (_: LinkageError) {
                // A foreign factory, whose calls are of an older OkHttp.
                progress.blind = true
            }
            left()?.let { ms ->
                val own = call.timeout()
                if (own.timeoutNanos() == 0L || own.timeoutNanos() > TimeUnit.MILLISECONDS.toNanos(ms)) own.timeout(ms, TimeUnit.MILLISECONDS)
            }
            this@RetryingCall.attempt = call
            if (canceled) call.cancel()
            return StartedAttempt(call, progress)
        }
    }

    /** On the caller's own thread, which waits. */
    private inner class OnThread : Own() {
        override suspend fun attempt(attempt: Attempt<Request>): Received {
            val started = start(attempt)
            val thread = Thread.currentThread()
            if (thread.isInterrupted) throw interrupted()
            val timeLimit = TimeoutWatch.TimeLimit(started.call, attempt.timeoutMs, thread, upload = started.progress.upload)
            TimeoutWatch.begin(timeLimit)
            try {
                return received(attempt, started.call.execute())
            } catch (error: IOException) {
                if (thread.isInterrupted && !canceled) throw interrupted()
                throw broken(error, started.progress, timeLimit.late, started.call.isCanceled())
            } catch (error: RuntimeException) {
                throw refused(error)
            } finally {
                TimeoutWatch.end(timeLimit)
            }
        }

        override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean = block(waiter, ms, ::register)
    }

    /** Continues on the threads of OkHttp. Waits hold no thread. */
    private inner class Queued : Own() {
        override suspend fun attempt(attempt: Attempt<Request>): Received {
            val started = start(attempt)
            return suspendCoroutine { AttemptCallback(attempt, started, it).start() }
        }

        override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean {
            val woken = CompletableDeferred<Unit>()
            val handle = WakeHandle { woken.complete(Unit) }
            var passed = false
            register(handle)
            try {
                if (!canceled && waiter.register(handle)) {
                    passed = withContext(attempts.waits) { withTimeoutOrNull(ms) { woken.await() } } == null
                }
            } finally {
                register(null)
                waiter.unregister(handle)
            }
            if (canceled) throw canceled(null)
            return passed
        }

        /** The end of one attempt: whichever of answer, failure and time limit comes first. */
        private inner class AttemptCallback(
            private val sent: Attempt<Request>,
            private val started: StartedAttempt,
            private val continuation: Continuation<Received>,
        ) : AtomicBoolean(),
            Callback,
            Runnable {
            private val timeLimit = TimeoutWatch.TimeLimit(started.call, sent.timeoutMs, onLate = this, upload = started.progress.upload)

            fun start() {
                // A name lookup continues after its call was cancelled. The caller must not wait for it.
                register { elsewhere(canceled(null)) }
                if (sent.timeoutMs > 0) {
                    started.progress.queued = timeLimit
                    TimeoutWatch.begin(timeLimit)
                }
                started.call.enqueue(this)
            }

            override fun onResponse(call: Call, response: Response) {
                if (!attempts.own) spare = started.call.clone()
                val received =
                    try {
                        received(sent, response)
                    } catch (error: IOException) {
                        return onFailure(call, error)
                    }
                if (ends()) continuation.resume(received) else received.close()
            }

            override fun onFailure(call: Call, e: IOException) {
                if (!attempts.own) spare = started.call.clone()
                val error = broken(e, started.progress, timeLimit.late, call.isCanceled())
                if (ends()) continuation.resumeWithException(error)
            }

            /** The time is up. */
            override fun run() = elsewhere(started.progress.broken(SocketTimeoutException("timeout"), true))

            private fun elsewhere(error: IOException) {
                if (ends()) attempts.threads.executor.execute { continuation.resumeWithException(error) }
            }

            private fun ends(): Boolean {
                // Each time: a call that left its dispatcher's queue after its end is watched anew.
                TimeoutWatch.end(timeLimit)
                if (!compareAndSet(false, true)) return false
                register(null)
                return true
            }
        }
    }
}
