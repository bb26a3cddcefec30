package dev.unruffled.core

import dev.unruffled.InternalUnruffledApi
import dev.unruffled.PolicyIssue
import dev.unruffled.issuesOf
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long

/** The core's settings for this host, read once. The host adds no default of its own. */
internal class Settings(text: String) {
    private val root = Json.parseToJsonElement(text).jsonObject

    /** The API's name in events; empty if neither policy nor base URL give one. */
    val name: String = root.text("name").orEmpty()

    /** The base URL, if the policy has it. */
    val baseUrl: String? = (root["baseUrl"] as? JsonPrimitive)?.contentOrNull

    /** The environment variable that holds the base URL, if the policy names one. */
    val baseEnv: String? = (root["baseUrl"] as? JsonObject)?.text("env")

    /** Settings by the policy's route, see [routeOf]; 0 = what holds everywhere else. */
    val routes: List<Route> = root.getValue("routes").jsonArray.map { Route(it.jsonObject) }

    /** Headers to look for on a status below 400, at most two. */
    val watchSuccess: Array<String> = root.names("watchSuccess")

    /** Headers to look for from 400 on. */
    val watchError: Array<String> = root.names("watchError")

    /** Headers in which clients count their retries. */
    val retryCounts: Array<RetryCount> =
        root.getValue("retryCounts").jsonObject.map { (header, least) -> RetryCount(header, least.jsonPrimitive.long) }.toTypedArray()

    /** The start of the media type whose bodies always stay streams. */
    val streamType: String = root.text("streamType").orEmpty()

    /** The keys that a lenient reading left out. */
    val warnings: List<PolicyIssue> = root["warnings"]?.let { issuesOf(it.toString()) }.orEmpty()
}

/** A header in which clients count their retries. A number below [least] proves nothing: their retries may be off. */
internal class RetryCount(val header: String, val least: Long)

/**
 * The policy's route in a target (what the core's `route` gives and its `begin` takes): the low 16 bits. Where they are 0,
 * the upper bits hold the number of the endpoint, so a target may be negative here.
 */
internal fun routeOf(target: Int): Int = target and 0xffff

/** The part of [Settings] that may differ by route. Times in milliseconds, sizes in bytes. */
@InternalUnruffledApi
public class Route internal constructor(json: JsonObject) {
    /** `/orders/{id}`, with a method before it if the policy has one; empty of what holds everywhere else. */
    internal val pattern: String = json.text("pattern").orEmpty()

    public val connect: Long = json.number("connect")
    public val idle: Long = json.number("idle")

    /** For an attempt, and for a refresh of a credential; 0 = no limit. */
    internal val attempt: Long = json.number("attempt")

    /** For the whole call; 0 = no limit. */
    internal val total: Long = json.number("total")

    /** Whether the policy's own text has them: only then do they bind a drop-in. */
    internal val totalWritten: Boolean = json["totalWritten"]?.jsonPrimitive?.booleanOrNull ?: false
    public val connectWritten: Boolean = json["connectWritten"]?.jsonPrimitive?.booleanOrNull ?: false
    public val idleWritten: Boolean = json["idleWritten"]?.jsonPrimitive?.booleanOrNull ?: false
    internal val maxBody: Long = json.number("maxBody")

    /** A drop-in reads answers of a declared length up to this before they count as answered. */
    public val bufferUpTo: Long = json.number("bufferUpTo")

    /**
     * Policy headers, `User-Agent` and API version, the same for every call of the route. A later one takes the place of an
     * earlier one of the same name.
     */
    internal val headers: List<Pair<String, String>> =
        buildList {
            json["headers"]?.takeUnless { it is JsonNull }?.jsonObject?.forEach { (name, value) ->
                add(name to value.jsonPrimitive.content)
            }
            json.inner("userAgent")?.text("value")?.let { agent ->
                if (none { it.first.equals("User-Agent", ignoreCase = true) }) add("User-Agent" to agent)
            }
            val version = json.inner("version")
            version?.text("header")?.let { add(it to version.text("pin").orEmpty()) }
        }

    /** Query parameters that every call of the route carries, in the policy's order. */
    internal val query: Map<String, String> =
        buildMap {
            json.inner("query")?.forEach { (name, value) -> put(name, value.jsonPrimitive.content) }
            val version = json.inner("version")
            version?.text("query")?.let { put(it, version.text("pin").orEmpty()) }
        }

    /** The header that names the logical call, or `null`. */
    internal val requestId: String? = json.inner("requestId")?.text("name")

    /** The header for what the caller's function gives, or `null`. */
    internal val correlationId: String? = json.inner("correlationId")?.text("name")

    internal val idempotencyHeader: String? = json.inner("idempotency")?.text("header")

    /** Whether the key is written as a structured-field string, that is in quotes. */
    internal val idempotencyQuoted: Boolean = json.inner("idempotency")?.text("format") == "sf-string"

    /** Statuses for which the core wants to see the beginning of the body, sorted. */
    public val bodyStatuses: IntArray =
        (json["bodyStatuses"] as? JsonArray)?.map { it.jsonPrimitive.int }?.sorted()?.toIntArray() ?: IntArray(0)
}

internal fun JsonObject.text(key: String): String? = (this[key] as? JsonPrimitive)?.contentOrNull

internal fun JsonObject.inner(key: String): JsonObject? = this[key] as? JsonObject

internal fun JsonObject.number(key: String): Long = getValue(key).jsonPrimitive.long

private fun JsonObject.names(key: String): Array<String> =
    getValue(key).jsonArray.map { it.jsonPrimitive.content }.toTypedArray()

/** Converts a JSON value to the plain Kotlin value: text, `Long`, `Double`, `Boolean`, list, map or `null`. */
internal fun plain(element: JsonElement): Any? =
    when (element) {
        is JsonNull -> null
        is JsonObject -> element.mapValues { plain(it.value) }
        is JsonArray -> element.map(::plain)
        is JsonPrimitive ->
            if (element.isString) {
                element.content
            } else {
                element.booleanOrNull ?: element.content.toLongOrNull() ?: element.content.toDouble()
            }
    }
