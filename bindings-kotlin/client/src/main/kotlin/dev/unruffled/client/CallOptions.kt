package dev.unruffled.client

import okhttp3.RequestBody
import kotlin.time.Duration

/** The options of one call; `null` and empty mean not given. */
internal class CallOptions(
    val path: Map<String, Any?> = emptyMap(),
    val query: Map<String, Any?> = emptyMap(),
    val headers: Map<String, String> = emptyMap(),
    val json: Any? = null,
    val form: Map<String, Any?>? = null,
    val body: RequestBody? = null,
    val deadline: Duration? = null,
    val idempotencyKey: String? = null,
    val raise: Boolean = true,
)
