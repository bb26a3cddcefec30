package dev.unruffled.ktor

import dev.unruffled.http.NoHiddenRetry
import io.ktor.client.HttpClient
import io.ktor.client.engine.okhttp.OkHttpConfig
import okhttp3.Dispatcher
import okhttp3.OkHttpClient
import java.util.concurrent.atomic.AtomicBoolean

/**
 * Configures Ktor's engine over OkHttp: no queue that the plugin does not see, no hidden retries, and a check of idle
 * connections. Used only where that engine is; it need not be on the class path.
 */
internal object OkHttpEngines {
    private const val ENGINE = "io.ktor.client.engine.okhttp.OkHttpEngine"

    /**
     * The clients of an engine are made at its first requests, so what is set here holds for them. Calls [warn] once if a
     * limit of the program's own stays.
     */
    fun set(client: HttpClient, warn: (String) -> Unit) {
        val engine = client.engine
        if (engine.javaClass.name == ENGINE) Configured(warn).set(engine.config)
    }

    /** By itself, so that the VM asks for Ktor's class only where it is. */
    private class Configured(private val warn: (String) -> Unit) {
        private val warned = AtomicBoolean()

        fun set(config: Any) {
            (config as OkHttpConfig).config(::steady)
        }

        private fun steady(builder: OkHttpClient.Builder) {
            if (NoHiddenRetry in builder.networkInterceptors()) return
            builder.addNetworkInterceptor(NoHiddenRetry).retryOnConnectionFailure(false)
            val given = builder.build().dispatcher
            if (given.maxRequestsPerHost == OKHTTP_PER_HOST && given.maxRequests == OKHTTP_IN_ALL) {
                // Its threads in an object of our own: other clients may have the dispatcher, and need its limits.
                builder.dispatcher(given.unlimited())
            } else if (minOf(given.maxRequests, given.maxRequestsPerHost) < Int.MAX_VALUE &&
                warned.compareAndSet(false, true)
            ) {
                warn(queueOf(given))
            }
        }

        private fun Dispatcher.unlimited(): Dispatcher =
            Dispatcher(executorService).also {
                it.maxRequests = Int.MAX_VALUE
                it.maxRequestsPerHost = Int.MAX_VALUE
            }

        private fun queueOf(given: Dispatcher): String =
            "OkHttp's dispatcher lets ${given.maxRequestsPerHost} requests to a host through, " +
                "${given.maxRequests} in all: a queue that the plugin does not see; " +
                "set both to Int.MAX_VALUE and write concurrency into the policy"
    }

    private const val OKHTTP_PER_HOST = 5
    private const val OKHTTP_IN_ALL = 64
}
