package dev.unruffled.clients

import dev.unruffled.Policy
import dev.unruffled.Unruffled.interceptor
import dev.unruffled.ktor.Unruffled
import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.engine.okhttp.OkHttp
import io.ktor.client.plugins.HttpRequestRetry
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.plugins.auth.Auth
import io.ktor.client.plugins.auth.providers.BearerTokens
import io.ktor.client.plugins.auth.providers.bearer
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.get
import io.ktor.client.request.header
import io.ktor.client.request.post
import io.ktor.client.request.prepareGet
import io.ktor.client.request.setBody
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.bodyAsChannel
import io.ktor.client.statement.bodyAsText
import io.ktor.http.ContentType
import io.ktor.http.contentType
import io.ktor.http.isSuccess
import io.ktor.utils.io.readAvailable
import kotlinx.serialization.json.JsonNull
import okhttp3.ConnectionPool
import java.net.ConnectException

/** Ktor's client on one of its engines. */
internal class KtorRow(
    override val name: String,
    override val under: String,
    override val modes: List<Mode> = Mode.entries,
    private val client: (Setup, HttpClientConfig<*>.() -> Unit) -> HttpClient,
) : Row {
    override val version = versionOf("ktor")

    override fun open(setup: Setup): Session = KtorSession(client(setup) { configure(setup) }, setup)

    private fun HttpClientConfig<*>.configure(setup: Setup) {
        setup.tokens?.let { tokens ->
            install(Auth) {
                bearer {
                    loadTokens { BearerTokens(tokens.now, null) }
                    refreshTokens { BearerTokens(tokens.after(oldTokens?.accessToken.orEmpty()), null) }
                    sendWithoutRequest { true }
                }
            }
        }
        if (setup.mode == Mode.BARE) {
            install(HttpRequestRetry)
            setup.attemptMs?.let { install(HttpTimeout) { requestTimeoutMillis = it } }
        }
    }

    companion object {
        private const val PLUGIN = "install(Unruffled)"

        private fun HttpClientConfig<*>.plugin(setup: Setup) {
            if (setup.mode == Mode.UNRUFFLED) install(Unruffled) { policy = Policy.fromString(setup.policy) }
        }

        val CIO =
            KtorRow("ktor-cio", PLUGIN) { setup, configure ->
                HttpClient(io.ktor.client.engine.cio.CIO) {
                    configure()
                    plugin(setup)
                }
            }

        val OKHTTP =
            KtorRow("ktor-okhttp", PLUGIN) { setup, configure ->
                HttpClient(OkHttp) {
                    configure()
                    plugin(setup)
                    engine {
                        config {
                            // Ktor's OkHttp engines share one pool: a connection that another scenario broke would be used here.
                            connectionPool(ConnectionPool())
                            // It sends lost POSTs again by itself.
                            if (setup.mode == Mode.UNRUFFLED) retryOnConnectionFailure(false)
                        }
                    }
                }
            }

        /** The adapter for OkHttp below Ktor, in place of the plugin. */
        val INTERCEPTOR =
            KtorRow("ktor-okhttp-interceptor", "interceptor()", listOf(Mode.UNRUFFLED)) { setup, configure ->
                HttpClient(OkHttp) {
                    configure()
                    engine {
                        addInterceptor(interceptor(Policy.fromString(setup.policy)))
                        config { connectionPool(ConnectionPool()) }
                    }
                }
            }
    }
}

/** Ktor as its user calls it. */
internal class KtorSession(private val client: HttpClient, private val setup: Setup) : Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = whole(client.get(url) { dress(turn) })

    override suspend fun write(turn: Turn): Int =
        whole(
            client.post(url) {
                dress(turn)
                contentType(ContentType.Application.Json)
                setBody((turn.json ?: JsonNull).toString())
            },
        )

    override suspend fun stream(turn: Turn): Int =
        client.prepareGet(url) { dress(turn) }.execute { response ->
            turn.opened(response.status.value)
            val body = response.bodyAsChannel()
            val piece = ByteArray(PIECE)
            while (true) {
                val size = body.readAvailable(piece)
                if (size < 0) break
                turn.piece(size)
            }
            body.closedCause?.let { throw it }
            response.status.value
        }

    private val url = "${setup.base}/thing"

    private fun HttpRequestBuilder.dress(turn: Turn) {
        turn.headers.forEach { (name, value) -> header(name, value) }
    }

    private suspend fun whole(response: HttpResponse): Int {
        val text = response.bodyAsText()
        if (response.status.isSuccess()) Thing.check(text)
        return response.status.value
    }

    override fun family(error: Throwable): Family =
        when {
            error is HttpRequestTimeoutException -> Family.TIMEOUT
            error is ConnectException && "timeout" in error.message.orEmpty() -> Family.TIMEOUT
            else -> Family.of(error)
        }

    override fun close() {
        client.close()
    }

    private companion object {
        const val PIECE = 8_192
    }
}
