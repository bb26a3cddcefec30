package dev.unruffled.clients

import dev.unruffled.Policy
import dev.unruffled.Unruffled
import io.opentelemetry.instrumentation.okhttp.v3_0.OkHttpTelemetry
import io.opentelemetry.sdk.OpenTelemetrySdk
import kotlinx.serialization.json.JsonNull
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import java.util.concurrent.TimeUnit

/** OkHttp by itself, from threads. */
internal object OkHttpRow : Row {
    override val name = "okhttp"
    override val version = versionOf("okhttp")
    override val under = "callFactory()"

    override fun open(setup: Setup): Session {
        val client = setup.okHttp()
        return OkHttpSession(client, setup.calls(client), setup)
    }
}

/** The same where only an interceptor fits. */
internal object InterceptorRow : Row {
    override val name = "okhttp-interceptor"
    override val version = versionOf("okhttp")
    override val under = "interceptor()"
    override val modes = listOf(Mode.UNRUFFLED)

    override fun open(setup: Setup): Session {
        val own = Unruffled.interceptor(Policy.fromString(setup.policy))
        val client = setup.okHttp().newBuilder().addInterceptor(own).build()
        return OkHttpSession(client, client, setup)
    }
}

/** The same over the call factory of OpenTelemetry's instrumentation, which makes a span of each attempt. */
internal object OpenTelemetryRow : Row {
    override val name = "otel"
    override val version = versionOf("opentelemetry")
    override val under = "callFactory()"
    override val modes = listOf(Mode.UNRUFFLED)

    override fun open(setup: Setup): Session {
        // Another library's factory is not changed: its user switches off the retries of its client.
        val client = setup.okHttp().newBuilder().retryOnConnectionFailure(false).build()
        val traced = OkHttpTelemetry.create(OpenTelemetrySdk.builder().build()).createCallFactory(client)
        return OkHttpSession(client, setup.calls(traced), setup)
    }
}

/** What makes the calls: in mode unruffled with the one line under them. */
internal fun Setup.calls(client: Call.Factory): Call.Factory =
    if (mode == Mode.UNRUFFLED) Unruffled.callFactory(Policy.fromString(policy), client) else client

/** OkHttp as its user makes it: the token by an interceptor, a new one by an authenticator. */
internal fun Setup.okHttp(): OkHttpClient =
    OkHttpClient.Builder()
        .apply {
            if (mode == Mode.BARE && attemptMs != null) callTimeout(attemptMs, TimeUnit.MILLISECONDS)
            if (tokens != null) {
                addInterceptor { chain ->
                    chain.proceed(chain.request().newBuilder().header("Authorization", "Bearer ${tokens.now}").build())
                }
                authenticator(
                    Authenticator { _, response ->
                        if (response.priorResponse != null) return@Authenticator null
                        val old = response.request.header("Authorization").orEmpty().removePrefix("Bearer ")
                        response.request.newBuilder().header("Authorization", "Bearer ${tokens.after(old)}").build()
                    },
                )
            }
        }
        .build()

/** Calls made by hand through [calls], which stands on [client]. */
internal class OkHttpSession(
    private val client: OkHttpClient,
    private val calls: Call.Factory,
    private val setup: Setup,
) :
    Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = whole(turn, request(turn).build())

    override suspend fun write(turn: Turn): Int {
        val body = (turn.json ?: JsonNull).toString().toRequestBody("application/json".toMediaType())
        return whole(turn, request(turn).post(body).build())
    }

    override suspend fun stream(turn: Turn): Int =
        turn.blocking {
            val call = calls.newCall(request(turn).build())
            turn.onCancel(call::cancel)
            call.execute().use { response ->
                turn.opened(response.code)
                turn.drain(response.body)
                response.code
            }
        }

    private suspend fun whole(turn: Turn, request: Request): Int =
        turn.blocking {
            val call = calls.newCall(request)
            turn.onCancel(call::cancel)
            call.execute().use { response ->
                val text = response.body.string()
                if (response.isSuccessful) Thing.check(text)
                response.code
            }
        }

    private fun request(turn: Turn): Request.Builder =
        Request.Builder().url("${setup.base}/thing").apply {
            turn.headers.forEach { (name, value) -> header(name, value) }
        }

    /** Returns whether the call was cancelled. OkHttp says it in the text alone. */
    override fun cancelled(error: Throwable): Boolean = error.message == "Canceled"

    override fun close() = client.letGo()
}
