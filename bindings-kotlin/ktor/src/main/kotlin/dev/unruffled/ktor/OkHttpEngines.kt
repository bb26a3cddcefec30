package dev.unruffled.ktor

import dev.unruffled.Steady
import io.ktor.client.HttpClient
import io.ktor.client.engine.okhttp.OkHttpConfig
import okhttp3.OkHttpClient

/**
 * Ktor's engine over OkHttp, as the core wants it: no queue that the plugin does not see, no sending by itself, and a look at
 * idle connections. Used only where that engine is; it need not be on the class path.
 */
internal object OkHttpEngines {
    private const val ENGINE = "io.ktor.client.engine.okhttp.OkHttpEngine"

    /** The clients of an engine are made at its first requests, so what is set here holds for them. */
    fun set(client: HttpClient) {
        val engine = client.engine
        if (engine.javaClass.name == ENGINE) Configured.set(engine.config)
    }

    /** By itself, so that the VM asks for Ktor's class only where it is. */
    private object Configured {
        fun set(config: Any) {
            (config as OkHttpConfig).config(::steady)
        }

        private fun steady(builder: OkHttpClient.Builder) {
            if (Steady in builder.networkInterceptors()) return
            builder.addNetworkInterceptor(Steady).retryOnConnectionFailure(false)
            val dispatcher = builder.build().dispatcher
            // Other numbers are the program's own.
            if (dispatcher.maxRequestsPerHost == OKHTTP_PER_HOST) dispatcher.maxRequestsPerHost = Int.MAX_VALUE
            if (dispatcher.maxRequests == OKHTTP_IN_ALL) dispatcher.maxRequests = Int.MAX_VALUE
        }

        const val OKHTTP_PER_HOST = 5
        const val OKHTTP_IN_ALL = 64
    }
}
