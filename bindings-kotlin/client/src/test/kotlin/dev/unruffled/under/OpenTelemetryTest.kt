package dev.unruffled.under

import dev.unruffled.Policy
import dev.unruffled.Unruffled
import dev.unruffled.support.FaultServer
import io.opentelemetry.api.trace.StatusCode
import io.opentelemetry.instrumentation.okhttp.v3_0.OkHttpTelemetry
import io.opentelemetry.sdk.OpenTelemetrySdk
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter
import io.opentelemetry.sdk.trace.SdkTracerProvider
import io.opentelemetry.sdk.trace.data.SpanData
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor
import okhttp3.Call
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.Test
import java.util.concurrent.CompletableFuture
import java.util.concurrent.TimeUnit

/** The spans of OpenTelemetry's own instrumentation of OkHttp for a retried call, over us and under us. */
class OpenTelemetryTest {
    private val exported = InMemorySpanExporter.create()
    private val sdk =
        OpenTelemetrySdk.builder().setTracerProvider(
            SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(exported)).build(),
        ).build()
    private val telemetry = OkHttpTelemetry.create(sdk)
    private val policy = Policy.fromString("""{"retry":{"base":"10ms"}}""")

    /** Makes a call below a span of the caller's. Returns the spans of the call, and that span. */
    private fun spans(run: String, calls: Call.Factory, make: (Call) -> Response): Pair<List<SpanData>, String> {
        val script = """{"answers":[{"status":503},{"fault":"reset-after"}],"then":{"json":1}}"""
        val url = server.begin(run, script) + "/thing"
        val mine = sdk.getTracer("test").spanBuilder("mine").startSpan()
        mine.makeCurrent().use {
            make(calls.newCall(Request.Builder().url(url).build())).use { assertEquals(200, it.code) }
        }
        mine.end()
        assertEquals(3, server.requests(run))
        val all = exported.finishedSpanItems.filter { it.name != "mine" }
        exported.reset()
        return all to mine.spanContext.spanId
    }

    private fun Call.queued(): Response {
        val answered = CompletableFuture<Response>()
        enqueue(FutureCallback(answered))
        return answered.get(10, TimeUnit.SECONDS)
    }

    private fun assertOneEach(spans: List<SpanData>, parent: String) {
        assertEquals(3, spans.size, spans.toString())
        assertEquals(setOf(parent), spans.map { it.parentSpanId }.toSet())
        val failed = spans.map { it.status.statusCode == StatusCode.ERROR }
        assertEquals(listOf(true, true, false), failed, spans.toString())
    }

    @Test
    fun `one span an attempt where its factory is under ours`() {
        val client = OkHttpClient.Builder().retryOnConnectionFailure(false).build()
        Unruffled.callFactory(policy, telemetry.createCallFactory(client)).use { calls ->
            spans("otel-under", calls) { it.execute() }.let { (spans, parent) -> assertOneEach(spans, parent) }
            spans("otel-under-queued", calls) { it.queued() }.let { (spans, parent) -> assertOneEach(spans, parent) }
        }
    }

    @Test
    fun `one span an attempt where its factory is over a client with our interceptor`() {
        Unruffled.interceptor(policy).use { own ->
            val calls = telemetry.createCallFactory(OkHttpClient.Builder().addInterceptor(own).build())
            spans("otel-over", calls) { it.execute() }.let { (spans, parent) -> assertOneEach(spans, parent) }
            spans("otel-over-queued", calls) { it.queued() }.let { (spans, parent) -> assertOneEach(spans, parent) }
        }
    }

    private companion object {
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
