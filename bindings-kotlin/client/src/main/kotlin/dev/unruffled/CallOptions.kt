package dev.unruffled

import okhttp3.RequestBody
import kotlin.time.Duration
import kotlin.time.toKotlinDuration

/**
 * The options of one call. They never change once they are built, so the same may serve any number of calls.
 *
 * ```
 * orders.get("/orders/{id}") { path("id", 7).query("page", 2).deadline(2.seconds) }
 * ```
 *
 * In Java:
 *
 * ```
 * orders.get("/orders/{id}", CallOptions.builder().path("id", 7).query("page", 2).deadline(Duration.ofSeconds(2)).build());
 * ```
 */
public class CallOptions private constructor(
    internal val path: Map<String, Any>,
    internal val query: Map<String, Any?>,
    internal val headers: Map<String, String>,
    internal val json: Any?,
    internal val form: Map<String, Any?>?,
    internal val body: RequestBody?,
    /** Milliseconds from the call's begin; 0 = the policy's total. */
    internal val deadlineMs: Long,
    internal val idempotencyKey: String?,
    internal val raise: Boolean,
) {
    /** Collects the options of a call. Each method returns the builder. */
    public class Builder internal constructor() {
        // A map is replaced, never changed: options that were built before keep theirs.
        private var path: Map<String, Any> = emptyMap()
        private var query: Map<String, Any?> = emptyMap()
        private var headers: Map<String, String> = emptyMap()
        private var json: Any? = null
        private var form: Map<String, Any?>? = null
        private var body: RequestBody? = null
        private var deadlineMs: Long = 0
        private var idempotencyKey: String? = null
        private var raise: Boolean = true

        /** Sets the value of a `{name}` in the target. */
        public fun path(name: String, value: Any): Builder = apply { path = path + (name to value) }

        /** Adds a query parameter. `null` leaves it out, a list repeats it. */
        public fun query(name: String, value: Any?): Builder = apply { query = query + (name to value) }

        /** Adds query parameters. `null` leaves one out, a list repeats it. */
        public fun query(values: Map<String, Any?>): Builder = apply { query = query + values }

        /** Sets a header of the request. */
        public fun header(name: String, value: String): Builder = apply { headers = headers + (name to value) }

        /** Sends [value] as JSON: a serializable value, a text, a number, a map or list of these, or a `JsonElement`. */
        public fun json(value: Any): Builder = apply { json = value }

        /** Sends [fields] as a form. `null` leaves a field out, a list repeats it. */
        public fun form(fields: Map<String, Any?>): Builder = apply { form = fields }

        /** Sends OkHttp's own [body]. */
        public fun body(body: RequestBody): Builder = apply { this.body = body }

        /** Limits the whole call to [within], in place of the policy's total. */
        public fun deadline(within: Duration): Builder = apply { deadlineMs = within.inWholeMilliseconds.coerceAtLeast(1) }

        /** Limits the whole call to [within], in place of the policy's total. */
        @JvmOnly
        public fun deadline(within: java.time.Duration): Builder = deadline(within.toKotlinDuration())

        /** Sets the idempotency key. [Unruffled.NEW_KEY] makes one. */
        public fun idempotencyKey(text: String): Builder = apply { idempotencyKey = text }

        /** Sets whether a status of 400 or above is thrown, which is the default, or returned. */
        public fun raise(throwing: Boolean): Builder = apply { raise = throwing }

        /** Returns the options as they are now. */
        public fun build(): CallOptions =
            CallOptions(path, query, headers, json, form, body, deadlineMs, idempotencyKey, raise)
    }

    public companion object {
        /** No options. */
        @JvmField
        public val NONE: CallOptions = builder().build()

        /** Begins the options of a call. */
        @JvmStatic
        public fun builder(): Builder = Builder()

        /** Builds options: `CallOptions { deadline(2.seconds) }`. */
        @JvmSynthetic
        public inline operator fun invoke(configure: Builder.() -> Unit): CallOptions = builder().apply(configure).build()
    }
}

/** Uses what Android 5 does not have; the check of the build against that leaves it out. */
@Retention(AnnotationRetention.BINARY)
internal annotation class JvmOnly
