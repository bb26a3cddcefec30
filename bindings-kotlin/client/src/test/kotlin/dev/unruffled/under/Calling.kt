package dev.unruffled.under

import dev.unruffled.Policy
import dev.unruffled.ResilientCallFactory
import dev.unruffled.Unruffled
import dev.unruffled.support.FaultServer
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.TestInfo
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeUnit

/** The base of tests of the call factory: the fault server, and both ways of making a call. */
internal abstract class Calling {
    protected val closing = mutableListOf<AutoCloseable>()
    protected var run = ""
        private set

    @BeforeEach
    fun name(info: TestInfo) {
        run = "calls-${info.displayName.hashCode().toUInt()}"
    }

    @AfterEach
    fun close() {
        closing.asReversed().forEach { it.close() }
    }

    protected fun factory(
        policy: String = "",
        over: Call.Factory = OkHttpClient(),
        retry: String = """{"base":"10ms"}""",
    ): ResilientCallFactory =
        Unruffled.callFactory(Policy.fromString("""{"retry":$retry$policy}"""), over)
            .also { closing += AutoCloseable(it::close) }

    protected fun request(script: String, path: String = "/thing"): Request =
        Request.Builder().url(server.begin(run, script) + path).build()

    /** Runs [act] with both ways of making a call. */
    protected fun both(act: (make: (Call) -> Response) -> Unit) {
        act { it.execute() }
        act { it.queued() }
    }

    protected fun Call.later(): CompletableFuture<Response> =
        CompletableFuture<Response>().also { enqueue(FutureCallback(it)) }

    protected fun Call.queued(): Response = later().ends()

    protected fun CompletableFuture<Response>.ends(): Response =
        try {
            get(PATIENCE, TimeUnit.SECONDS)
        } catch (failed: ExecutionException) {
            throw checkNotNull(failed.cause)
        }

    protected inline fun <reified T : Throwable> fails(crossinline work: () -> Unit): T =
        assertThrows(T::class.java) { work() }

    /** Waits until the server has seen so many requests. */
    protected fun until(requests: Int) {
        val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE)
        while (server.requests(run) < requests) {
            check(System.nanoTime() < end) { "the server has not seen $requests requests" }
            Thread.sleep(2)
        }
    }

    protected companion object {
        const val PATIENCE = 10L
        const val SHORT = 50L
        lateinit var server: FaultServer

        @JvmStatic
        @BeforeAll
        fun start() {
            server = FaultServer()
        }

        @JvmStatic
        @AfterAll
        fun stop() = server.close()
    }
}
