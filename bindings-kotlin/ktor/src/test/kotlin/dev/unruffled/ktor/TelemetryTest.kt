package dev.unruffled.ktor

import io.ktor.client.HttpClientConfig
import io.ktor.client.plugins.HttpClientPlugin
import io.ktor.client.request.get
import io.opentelemetry.api.common.AttributeKey
import io.opentelemetry.instrumentation.ktor.v3_0.KtorClientTelemetry
import io.opentelemetry.sdk.OpenTelemetrySdk
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter
import io.opentelemetry.sdk.trace.SdkTracerProvider
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** The spans of OpenTelemetry's own instrumentation of Ktor for a call with two retries. */
class TelemetryTest {
    private fun statuses(
        order: HttpClientConfig<*>.(HttpClientPlugin<Unit, Unruffled>, HttpClientConfig<*>.() -> Unit) -> Unit,
    ): List<Long?> {
        val spans = InMemorySpanExporter.create()
        val telemetry =
            OpenTelemetrySdk.builder()
                .setTracerProvider(
                    SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(spans)).build(),
                )
                .build()
        runTest {
            val mocked =
                Mocked(this, PLAIN, answer(503), answer(503), answer(200)) { plugin ->
                    order(plugin) { install(KtorClientTelemetry) { setOpenTelemetry(telemetry) } }
                }
            mocked.client.get(URL)
        }
        val status = AttributeKey.longKey("http.response.status_code")
        return spans.finishedSpanItems.map { it.attributes[status] }.also { telemetry.close() }
    }

    @Test
    fun `it sees each attempt, before the plugin or after it`() {
        val each = listOf<Long?>(503, 503, 200)
        val before =
            statuses { plugin, telemetry ->
                telemetry()
                install(plugin)
            }
        assertEquals(each, before)
        val after =
            statuses { plugin, telemetry ->
                install(plugin)
                telemetry()
            }
        assertEquals(each, after)
    }
}
