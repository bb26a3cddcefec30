package dev.unruffled.ktor

import dev.unruffled.Event
import dev.unruffled.Policy
import dev.unruffled.driver.Clock
import dev.unruffled.under.DropIn
import io.ktor.client.HttpClient
import io.ktor.client.HttpClientConfig
import io.ktor.client.engine.mock.MockEngine
import io.ktor.client.engine.mock.MockEngineConfig
import io.ktor.client.engine.mock.MockRequestHandleScope
import io.ktor.client.engine.mock.respond
import io.ktor.client.plugins.HttpClientPlugin
import io.ktor.client.plugins.plugin
import io.ktor.client.request.HttpRequestData
import io.ktor.client.request.HttpResponseData
import io.ktor.http.HttpStatusCode
import io.ktor.http.headers
import io.ktor.util.AttributeKey
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.test.StandardTestDispatcher
import kotlinx.coroutines.test.TestScope

internal typealias Handler = suspend MockRequestHandleScope.(HttpRequestData) -> HttpResponseData

/** A client of Ktor's in the test's time, whose engine plays [answers], the last one again and again. */
@OptIn(ExperimentalCoroutinesApi::class)
internal class Mocked(
    private val scope: TestScope,
    private val policy: String,
    private vararg val answers: Handler,
    configure: HttpClientConfig<*>.(HttpClientPlugin<Unit, Unruffled>) -> Unit = { install(it) },
) {
    /** The time and the data of each request. */
    val sent = mutableListOf<Pair<Long, HttpRequestData>>()
    val events = mutableListOf<Event>()

    val times: List<Long> get() = sent.map { it.first }

    val client: HttpClient =
        HttpClient(
            MockEngine(
                MockEngineConfig().apply {
                    dispatcher = StandardTestDispatcher(scope.testScheduler)
                    addHandler { request ->
                        val answer = answers[minOf(sent.size, answers.size - 1)]
                        sent += scope.testScheduler.currentTime to request
                        answer(request)
                    }
                },
            ),
        ) { configure(Timed()) }

    val unruffled: Unruffled get() = client.plugin(Timed())

    /** The number of calls that are alive in the core. */
    val live: Any? get() = unruffled.snapshot()["live"]

    /** The plugin with the test's clock. */
    private inner class Timed : HttpClientPlugin<Unit, Unruffled> {
        override val key: AttributeKey<Unruffled> = Unruffled.key

        override fun prepare(block: Unit.() -> Unit): Unruffled {
            val clock =
                object : Clock {
                    override fun now(): Long = scope.testScheduler.currentTime

                    override fun wall(): Long = 1_767_225_600_000 + scope.testScheduler.currentTime
                }
            val config = UnruffledConfig().apply { on { events += it } }
            return Unruffled(DropIn.open(Policy.fromString(policy), config, clock))
        }

        override fun install(plugin: Unruffled, scope: HttpClient) = Unruffled.install(plugin, scope)
    }
}

/** Makes an answer with a status, a body and headers given as name, value, name, value. */
internal fun answer(status: Int, body: String = "", vararg headers: String): Handler =
    {
        val lines = headers.toList().chunked(2)
        respond(
            body,
            HttpStatusCode.fromValue(status),
            headers {
                lines.forEach { (name, value) -> append(name, value) }
            },
        )
    }

/** Returns what [work] throws, which has to be a [T]. */
internal inline fun <reified T : Throwable> thrown(work: () -> Unit): T {
    try {
        work()
    } catch (@Suppress("TooGenericExceptionCaught") error: Throwable) {
        if (error is T) return error
        throw AssertionError("another error", error)
    }
    throw AssertionError("no error")
}

internal const val URL = "https://api.example.com/orders"
internal const val PLAIN = """{"retry":{"jitter":"none"}}"""
