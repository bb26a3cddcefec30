package dev.unruffled.support

import dev.unruffled.CallOptions
import dev.unruffled.Unruffled
import dev.unruffled.core.plain
import dev.unruffled.core.text
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import okhttp3.RequestBody.Companion.toRequestBody
import kotlin.time.Duration.Companion.milliseconds

/** Reads the options of a call as scenarios and mistakes write them. */
internal fun optionsOf(action: JsonObject): CallOptions =
    CallOptions {
        action["path"]?.jsonObject?.forEach { (name, value) -> plain(value)?.let { path(name, it) } }
        action["query"]?.jsonObject?.forEach { (name, value) -> query(name, plain(value)) }
        action["headers"]?.jsonObject?.forEach { (name, value) -> header(name, value.jsonPrimitive.content) }
        action["json"]?.let { json(it) }
        action.text("body")?.let { body(it.toRequestBody()) }
        action["upload"]?.let { body(ByteArray(it.jsonPrimitive.int) { X }.toRequestBody()) }
        action["deadline"]?.let { deadline(it.jsonPrimitive.long.milliseconds) }
        action["key"]?.jsonPrimitive?.let { key -> idempotencyKey(key.contentOrNull.takeIf { key.isString } ?: Unruffled.NEW_KEY) }
        if (action["raise"] == JsonPrimitive(false)) raise(false)
    }

/** Every byte of an upload. */
private const val X = 'x'.code.toByte()
