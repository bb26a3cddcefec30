package dev.unruffled.scenarios

import dev.unruffled.core.number
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import okhttp3.Request

/**
 * The fault server's answers to a scenario's script, without a network and in any time. It reads every key that decides
 * the next answer, and no key that is only logged.
 */
internal class ScriptedServer(private val node: JsonObject) {
    private val paths =
        node["paths"]?.jsonObject.orEmpty()
            .map { (pattern, inner) -> pattern to ScriptedServer(inner.jsonObject) }
            .sortedByDescending { it.first.length }
    private val phases =
        node["phases"]?.jsonArray.orEmpty().map {
            (it.jsonObject["for"]?.jsonPrimitive?.long ?: Long.MAX_VALUE) to ScriptedServer(it.jsonObject)
        }
    private val tokens = node["tokens"]?.jsonArray?.map { it.jsonPrimitive.content }
    private val answers =
        node["answers"]?.jsonArray.orEmpty().flatMap { answer ->
            List(answer.jsonObject["times"]?.jsonPrimitive?.long?.toInt() ?: 1) { answer.jsonObject }
        }
    private val bucket = node["bucket"]?.jsonObject
    private val taken = HashMap<String, Int>()
    private var first = -1L
    private var window = -1L
    private var inWindow = 0L
    private var freeAt = 0L

    /** Returns the answer to a request that arrives at [now]: an item of a script. */
    fun answer(now: Long, request: Request): JsonObject {
        paths.firstOrNull { fits(it.first, request) }?.let { return it.second.answer(now, request) }
        if (first < 0) first = now
        phase(now - first)?.let { return it.answer(now, request) }
        if ("refuse" in node) return refusal(now)
        if (tokens != null && request.header("Authorization")?.removePrefix("Bearer ") !in tokens) return UNAUTHORIZED
        bucket?.let { full(it, now)?.let { refused -> return refused } }
        node["pool"]?.jsonObject?.let { return pooled(it, now) }
        val key = if ("per" in node) request.url.encodedPath else ""
        val at = taken.getOrDefault(key, 0).also { taken[key] = it + 1 }
        val cycled = if ("cycle" in node && answers.isNotEmpty()) at % answers.size else at
        return answers.getOrNull(cycled) ?: node["then"]?.jsonObject ?: NOTHING
    }

    private fun phase(since: Long): ScriptedServer? {
        var left = since
        for ((length, inner) in phases) {
            if (left < length) return inner
            left -= length
        }
        return phases.lastOrNull()?.second
    }

    private fun refusal(now: Long): JsonObject {
        val until = (node.getValue("refuse") as? JsonPrimitive)?.content?.toLongOrNull() ?: return REFUSED
        return if (now - first < until) REFUSED else NOTHING
    }

    private fun full(bucket: JsonObject, now: Long): JsonObject? {
        val per = bucket["per"]?.jsonPrimitive?.long ?: SECOND
        if (now / per != window) {
            window = now / per
            inWindow = 0
        }
        if (inWindow++ < bucket.number("rate")) return null
        val seconds = (per - now % per + SECOND - 1) / SECOND
        return item("status" to JsonPrimitive(429), "headers" to item("Retry-After" to JsonPrimitive("$seconds")))
    }

    /** Answers from one queue for all workers; a request that does not fit is refused. */
    private fun pooled(pool: JsonObject, now: Long): JsonObject {
        val each = pool.number("service") / pool.number("workers")
        val ahead = maxOf(0, freeAt - now)
        if (ahead / maxOf(1, each) > pool.number("queue")) return item("status" to JsonPrimitive(503))
        freeAt = maxOf(now, freeAt) + each
        return item("delay" to JsonPrimitive(ahead + pool.number("service")))
    }

    private companion object {
        const val SECOND = 1_000L
        val NOTHING = JsonObject(emptyMap())
        val UNAUTHORIZED = item("status" to JsonPrimitive(401))
        val REFUSED = item("fault" to JsonPrimitive("refuse"))

        fun item(vararg entries: Pair<String, JsonElement>) = JsonObject(mapOf(*entries))

        fun fits(pattern: String, request: Request): Boolean {
            val method = pattern.substringBefore(' ', "")
            val path = pattern.substringAfter(' ')
            val asked = request.url.encodedPath
            if (method.isNotEmpty() && method != request.method) return false
            return if (path.endsWith("*")) asked.startsWith(path.dropLast(1)) else asked == path
        }
    }
}
