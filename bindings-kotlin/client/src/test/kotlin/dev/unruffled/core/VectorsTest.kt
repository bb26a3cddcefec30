package dev.unruffled.core

import dev.unruffled.Outcome
import dev.unruffled.PolicyException
import dev.unruffled.Reason
import dev.unruffled.support.House
import dev.unruffled.support.lacks
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Plays every vector through the boundary. Holds no expectation: those stand in the files. */
class VectorsTest {
    @Test
    fun `every vector holds`() {
        val files = House.files("vectors").filter { "/vectors/url/" !in it.path }
        val failures =
            files.mapNotNull { file ->
                val failure = runCatching { VectorRun(House.read(file).jsonObject).play() }.getOrElse { it.toString() }
                failure?.let { "${file.relativeTo(House.root)}: $it" }
            }
        println("vectors: ${files.size - failures.size} passed")
        assertEquals(emptyList<String>(), failures, failures.joinToString("\n"))
    }
}

private class VectorRun(private val vector: JsonObject) {
    private val wall = vector["wall"]?.jsonPrimitive?.long ?: WALL
    private var crossings = 0
    private lateinit var core: Core

    /** Plays the vector. Returns the first failure, or `null`. */
    fun play(): String? {
        val policy = vector.getValue("policy").let {
            if (it is JsonPrimitive &&
                it.isString
            ) {
                it.content
            } else {
                it.toString()
            }
        }
        val lenient = vector["lenient"]?.jsonPrimitive?.booleanOrNull ?: false
        core =
            try {
                Core(policy, lenient)
            } catch (wrong: PolicyException) {
                val texts = JsonArray(wrong.issues.map { JsonPrimitive(it.text) })
                return lacks(vector["issues"] ?: JsonArray(emptyList()), texts, "issues")
            }
        try {
            vector["issues"]?.let { return "issues expected, the policy was taken" }
            return played()
        } finally {
            core.release()
        }
    }

    private fun played(): String? {
        vector["seed"]?.let { core.seed(it.jsonPrimitive.long) }
        vector["subscribe"]?.let { core.subscribe(it.jsonPrimitive.int) }
        vector["settings"]?.let { asked -> lacks(asked, parse(core.settings()), "settings")?.let { return it } }
        vector["steps"]?.jsonArray?.forEachIndexed { index, step ->
            step(step.jsonObject, 0, 0)?.let { return "step $index: $it" }
        }
        vector["events"]?.let { asked ->
            val found = parse(core.events()).jsonObject["events"]
            lacks(asked, found, "events")?.let { return it }
        }
        vector["crossings"]?.jsonPrimitive?.int?.let {
            if (it !=
                crossings
            ) {
                return "$it crossings expected, got $crossings"
            }
        }
        return null
    }

    private fun step(step: JsonObject, later: Long, further: Int): String? {
        val times = step["times"]?.jsonPrimitive?.int ?: return one(step, later, further)
        val every = step["every"]?.jsonPrimitive?.long ?: 0
        val ids = step["ids"]?.jsonPrimitive?.int ?: 1
        for (round in 0 until times) {
            step.getValue("steps").jsonArray.forEachIndexed { index, inner ->
                step(inner.jsonObject, later + round * every, further + round * ids)?.let {
                    return "round $round, step $index: $it"
                }
            }
        }
        return null
    }

    private fun one(step: JsonObject, later: Long, further: Int): String? {
        val at = (step["at"]?.jsonPrimitive?.long ?: 0) + later

        fun id(key: String): Int = (step.getValue(key).jsonPrimitive.long + further).toInt()
        val word =
            when {
                "begin" in step -> begin(step, id("begin"), at)
                "respond" in step -> respond(step, id("respond"), at)
                "fault" in step -> core.fault(id("fault"), at, fault(step))
                "resume" in step -> core.resume(id("resume"), at)
                "abandon" in step -> core.abandon(id("abandon"), at)
                "token" in step -> core.token(at, step.number("token"), step["expires"]?.jsonPrimitive?.long ?: 0)
                "tokenFailed" in step -> core.tokenFailed(at, step.number("tokenFailed"), fault(step), step["after"]?.jsonPrimitive?.long ?: 0)
                "free" in step -> core.free(at, scope(step.getValue("free").jsonArray))
                "renew" in step -> core.renew(at, scope(step.getValue("renew").jsonArray))
                "reset" in step -> core.reset(at, scope(step.getValue("reset").jsonArray))
                "online" in step -> core.online(at)
                "close" in step -> core.close(at)
                "wakes" in step -> return wakes(step.getValue("wakes").jsonArray, further)
                "report" in step -> {
                    crossings++
                    return lacks(step.getValue("is"), parse(core.report(id("report"))), "report")
                }
                "snapshot" in step -> return lacks(step.getValue("snapshot"), parse(core.snapshot(at)), "snapshot")
                else -> return "not a step: $step"
            }
        crossings++
        val expected = step["is"]?.jsonPrimitive?.content ?: return null
        val found = text(word)
        return if (found == expected) null else "$expected expected, got $found"
    }

    private fun begin(step: JsonObject, call: Int, at: Long): Long {
        val text = step.text("route")
        val target = text?.let(core::route) ?: 0
        val scope = step["scope"]?.jsonArray?.let(::scope) ?: 0
        val method = step.text("method") ?: text?.substringBefore(' ')?.takeIf { ' ' in text } ?: "GET"
        val names = step["flags"]?.jsonArray?.map { it.jsonPrimitive.content } ?: listOf("REPEATABLE")
        val flags = names.fold(0) { sum, name -> sum or (1 shl FLAGS.indexOf(name)) }
        val size = step["size"]?.jsonPrimitive?.long ?: 0
        val what = CallFlags.of(method, flags, size * PIECE)
        return core.begin(call, at, target, scope, what, step["deadline"]?.jsonPrimitive?.long ?: 0)
    }

    private fun respond(step: JsonObject, call: Int, at: Long): Long {
        val by = step["by"]?.jsonArray?.let { REDIRECTED or (scope(it) shl SCOPE) } ?: 0
        val status = step.number("status").toInt() or by
        if ("headers" !in step && "body" !in step && by == 0) return core.respond(call, at, status)
        val hints =
            step["headers"]?.jsonObject.orEmpty().entries.joinToString("") { (name, value) ->
                val lines = if (value is JsonArray) value else listOf(value)
                lines.joinToString("") { "$name: ${it.jsonPrimitive.content}\n" }
            }
        val body = step.text("body").orEmpty()
        return core.respondWith(call, at, wall + at, status, hints.encodeToByteArray(), body.encodeToByteArray())
    }

    private fun wakes(expected: JsonArray, further: Int): String? {
        val found = mutableListOf<Long>()
        while (true) {
            crossings++
            val word = core.wake()
            if (StepWord.kind(word) != StepKind.DONE || StepWord.arg(word) == 0L) break
            found += StepWord.arg(word) - 1
        }
        val asked = expected.map { it.jsonPrimitive.long + further }
        return if (found == asked) null else "wakes: $asked expected, got $found"
    }

    private fun scope(names: JsonArray): Int {
        val (origin, credential) = names.map { it.jsonPrimitive.content }
        return core.scope(origin, credential)
    }

    private fun fault(step: JsonObject): Int {
        val fault = Fault.entries.firstOrNull { it.text == step.text("as") }?.code ?: NO_FAULT
        val cause = step.text("cause")?.let { text -> Cause.entries.first { it.text == text } } ?: Cause.NONE
        return fault + cause.code
    }

    private fun parse(text: String): JsonElement = Json.parseToJsonElement(text)

    private companion object {
        const val PIECE = 65_536L
        const val NO_FAULT = 99

        /** The lowest bit of the scope in a status. */
        const val SCOPE = 16
        const val WALL = 1_767_225_600_000L
        val FLAGS = listOf("REPEATABLE", "KEYED", "STREAMED", "STACKED", "DROPIN", "CREDENTIALS", "SLOT")
        val SIDE_FLAGS = listOf("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "APPLIED", "RESPONSE")
        val SEND_RIDERS = SIDE_FLAGS.map { if (it == "APPLIED") "RENEW" else it }
        val REFRESH_RIDERS = SIDE_FLAGS.map { mapOf("FRESH" to "EXPIRED", "APPLIED" to "REFUSED")[it] ?: it }
        val MISUSES = listOf("", "unknown", "live", "state", "dead", "generation", "range")

        fun text(word: Long): String {
            val arg = StepWord.arg(word)
            val step =
                when (StepWord.kind(word)) {
                    StepKind.SEND -> "Send $arg"
                    StepKind.WAIT -> "Wait $arg"
                    StepKind.PARK -> "Park $arg"
                    StepKind.REFRESH -> "Refresh $arg"
                    StepKind.DELIVER -> if (arg == 0L) "Deliver" else "Deliver ${Outcome.entries[arg.toInt()].text}"
                    StepKind.FAIL -> {
                        val reason = Reason.entries[(arg and 63).toInt()].text
                        val outcome = Outcome.entries[(arg shr 6 and 3).toInt()].text
                        val after = (arg shr 8).takeIf { it != StepWord.NO_TIME }?.let { " $it" }.orEmpty()
                        "Fail $reason $outcome$after"
                    }
                    StepKind.MISUSE -> "Misuse ${MISUSES[arg.toInt()]}"
                    else -> "Done $arg"
                }
            val riders =
                when (StepWord.kind(word)) {
                    StepKind.REFRESH -> REFRESH_RIDERS
                    StepKind.SEND -> SEND_RIDERS
                    else -> SIDE_FLAGS
                }
            return riders.filterIndexed { bit, _ ->
                StepWord.has(word, 1 shl bit)
            }.fold(step) { line, flag -> "$line $flag" }
        }
    }
}
