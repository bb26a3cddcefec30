package dev.unruffled.client

import dev.unruffled.CallOptions
import dev.unruffled.core.CallFlags
import dev.unruffled.core.CallMistake
import dev.unruffled.core.CallTrait
import dev.unruffled.core.Route
import dev.unruffled.core.routeOf
import dev.unruffled.driver.CallRecord
import dev.unruffled.driver.Credential
import dev.unruffled.driver.Driver
import dev.unruffled.driver.Engine
import dev.unruffled.driver.PreparedCall
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.OuterRetry
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.serializer
import okhttp3.Headers
import okhttp3.MediaType
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okio.BufferedSink
import java.util.UUID
import java.util.concurrent.ThreadLocalRandom

/** Turns a verb, a path and options into a call that can be driven. One per client and credential. */
internal class Calls(
    private val engine: Engine,
    val json: Json,
    private val correlation: (suspend () -> String?)?,
    private val credential: Credential?,
    private val targets: Targets = Targets(engine),
) {
    /** The origin of the base URL; empty if there is none. */
    val origin: String get() = targets.base?.origin.orEmpty()

    /** Returns a copy with another credential. */
    fun with(other: Credential): Calls = Calls(engine, json, correlation, other, targets)

    /** @throws CallException with the reason `misuse` if method, path, query, headers, key or body are no request. */
    suspend fun prepare(method: String, template: String, options: CallOptions, streamed: Boolean, host: OkHttpHost): PreparedCall<Request> =
        try {
            prepared(method, template, options, streamed, host)
        } catch (mistake: CallMistake) {
            throw mistake.failure("$method ${template.substringBefore('?')}")
        }

    private suspend fun prepared(
        method: String,
        template: String,
        options: CallOptions,
        streamed: Boolean,
        host: OkHttpHost,
    ): PreparedCall<Request> {
        if (streamed && !options.raise) throw CallMistake("a stream throws a status of 400 or above; leave raise(false) out")
        val base = targets.base ?: throw CallMistake("the policy has no baseUrl; write it there or pass the baseUrl option")
        val read = targets.template(template)
        val target = targets.target(method, read)
        val route = engine.settings.routes[routeOf(target)]
        val body = body(options, method)
        val headers = headers(route, targets.headers(routeOf(target)), options, host)
        // OkHttp would put the body's type in the place of the caller's.
        val named = options.headers.keys.any { it.equals("Content-Type", ignoreCase = true) }
        val sent = if (named && body?.contentType() != null) Untyped(body) else body
        val request =
            Request.Builder()
                .url(base.url(read, options.path, options.query, route.query))
                .headers(headers)
                .tag(CallRecord::class.java, CallRecord.SILENT)
                .with(method, sent)
                .build()
        val ownKey = options.idempotencyKey != null || route.idempotencyHeader?.let { headers[it] } != null
        val credential = credential.takeIf { headers["Authorization"] == null }
        var flags = 0
        if (body == null || !(body.isOneShot() || body.isDuplex())) flags = flags or CallTrait.REPEATABLE
        if (ownKey) flags = flags or CallTrait.KEYED
        if (streamed) flags = flags or CallTrait.STREAMED
        if (OuterRetry.by(engine.settings.retryCounts) { headers[it] }) flags = flags or CallTrait.STACKED
        if (credential != null) flags = flags or CallTrait.CREDENTIALS
        return PreparedCall(
            method,
            read.path,
            request,
            target,
            credential?.scope ?: 0,
            CallFlags.of(method, flags, body?.contentLength()?.coerceAtLeast(0) ?: 0),
            options.deadlineMs.let { if (it == 0L) 0 else engine.clock.now() + it.coerceAtMost(LONGEST_MS) },
            streamed,
            options.idempotencyKey?.ifEmpty { null }?.let { key(it, route.idempotencyQuoted) },
            credential,
        )
    }

    private fun Request.Builder.with(method: String, body: RequestBody?): Request.Builder {
        if (method.isEmpty() || !method.all(::isOfAToken)) throw CallMistake("the method is no name of one")
        try {
            return method(method, body)
        } catch (_: IllegalArgumentException) {
            // What it takes is OkHttp's to say.
            throw CallMistake(if (body == null) "this method needs a body" else "this method takes no body")
        }
    }

    /** Checks a key of the caller's and returns it as its header has it. */
    private fun key(text: String, quoted: Boolean): String =
        engine.core.headerKey(text, quoted).ifEmpty {
            throw CallMistake("idempotencyKey has 1 to 255 printable ASCII characters and no space at its ends")
        }

    private suspend fun headers(route: Route, given: Headers, options: CallOptions, host: OkHttpHost): Headers {
        val headers = given.newBuilder()
        route.requestId?.let { headers[it] = requestId() }
        if (correlation != null && route.correlationId != null) {
            host.ask(0, correlation)?.let { set(headers, route.correlationId, it) }
        }
        for ((name, value) in options.headers) set(headers, name, value)
        return headers.build()
    }

    /** Sets a header. OkHttp's own error would show the value. */
    private fun set(headers: Headers.Builder, name: String, value: String) {
        try {
            headers[name] = value
        } catch (_: IllegalArgumentException) {
            throw CallMistake("the header ${Percent.encode(name)} has a letter that no header may have")
        }
    }

    /** Returns the body of a request: at most one of json, form and body may be given. */
    private fun body(options: CallOptions, method: String): RequestBody? {
        val given = listOfNotNull(options.json, options.form, options.body)
        if (given.size > 1) throw CallMistake("json, form and body exclude each other")
        return when {
            options.body != null -> options.body
            options.json != null -> text(json.encodeToString(JsonElement.serializer(), element(options.json)), JSON)
            options.form != null -> text(form(options.form), FORM)
            method in NEED_BODY -> Driver.NOTHING.toRequestBody()
            else -> null
        }
    }

    private fun text(text: String, type: MediaType): RequestBody = text.encodeToByteArray().toRequestBody(type)

    /** Converts a value to JSON: elements, plain values, maps and lists as they are, all else by its serializer. */
    private fun element(value: Any?): JsonElement =
        when (value) {
            null -> JsonNull
            is JsonElement -> value
            is String -> JsonPrimitive(value)
            is Number -> JsonPrimitive(value)
            is Boolean -> JsonPrimitive(value)
            is Map<*, *> -> JsonObject(value.entries.associate { (name, each) -> name.toString() to element(each) })
            is Iterable<*> -> JsonArray(value.map(::element))
            else -> json.encodeToJsonElement(json.serializersModule.serializer(value.javaClass), value)
        }

    private fun form(fields: Map<String, Any?>): String = BaseUrl.form(fields)

    private companion object {
        val JSON = "application/json".toMediaType()
        val FORM = "application/x-www-form-urlencoded".toMediaType()

        /** The core counts in 40 bits: 34 years. */
        const val LONGEST_MS = (1L shl 40) - 1

        /** Returns whether a letter may stand in a token (RFC 9110, 5.6.2). */
        fun isOfAToken(letter: Char): Boolean =
            letter in 'A'..'Z' || letter in 'a'..'z' || letter in '0'..'9' || letter in "!#$%&'*+-.^_`|~"

        /** OkHttp wants a body with these, and servers a length. */
        val NEED_BODY = setOf("POST", "PUT", "PATCH", "QUERY")

        /** Makes a UUID of version 4. An id for logs may be guessed, so a quick generator is enough. */
        fun requestId(): String {
            val random = ThreadLocalRandom.current()
            val high = random.nextLong() and -0xf001L or 0x4000L
            val low = random.nextLong() and Long.MAX_VALUE.shr(1) or Long.MIN_VALUE
            return UUID(high, low).toString()
        }
    }
}

/** A body whose type the caller's own header names. */
private class Untyped(private val body: RequestBody) : RequestBody() {
    override fun contentType(): MediaType? = null

    override fun contentLength(): Long = body.contentLength()

    override fun isOneShot(): Boolean = body.isOneShot()

    override fun isDuplex(): Boolean = body.isDuplex()

    override fun writeTo(sink: BufferedSink) = body.writeTo(sink)
}
