package dev.unruffled.clients

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Semaphore
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import kotlin.coroutines.cancellation.CancellationException

/** Plays the actions of one scenario with one client and reports what happened. Expects nothing. */
internal class Acting(private val row: Row, private val mode: Mode, private val scenario: JsonObject) {
    private val tokens = scenario["credentials"]?.jsonArray?.map { it.jsonPrimitive.content }?.let(::Tokens)

    /** How often a new token was asked for. */
    val credentialCalls: Int get() = tokens?.refreshes ?: 0

    suspend fun play(base: String): List<JsonElement> {
        val written = scenario["policy"]?.jsonObject.orEmpty()
        val attempt = written["timeouts"]?.jsonObject?.get("attempt")?.let(::milliseconds)
        val policy = JsonObject(written + ("baseUrl" to JsonPrimitive(base))).toString()
        return row.open(Setup(mode, base, policy, attempt, tokens)).use { session ->
            scenario.getValue("do").jsonArray.map { action(session, it.jsonObject) }
        }
    }

    private suspend fun action(session: Session, action: JsonObject): JsonElement =
        when {
            "pause" in action -> NOTHING.also { delay(action.getValue("pause").jsonPrimitive.long) }
            "close" in action -> NOTHING.also { session.close() }
            "together" in action -> JsonObject(mapOf("calls" to JsonArray(together(session, action))))
            else -> coroutineScope { call(session, action, 0, System.nanoTime()) }
        }

    private suspend fun together(session: Session, action: JsonObject): List<JsonElement> =
        coroutineScope {
            val begun = System.nanoTime()
            val width = Semaphore(action["width"]?.jsonPrimitive?.int ?: Int.MAX_VALUE)
            val every = action["every"]?.jsonPrimitive?.long ?: 0
            List(action.getValue("together").jsonPrimitive.int) { i ->
                if (every > 0) delay(every * i - since(begun).toLong())
                // Taken here, so that calls begin in order: threads would race for the permit.
                width.acquire()
                async {
                    try {
                        call(session, action, i, begun)
                    } finally {
                        width.release()
                    }
                }
            }.awaitAll()
        }

    private suspend fun CoroutineScope.call(session: Session, action: JsonObject, i: Int, begun: Long): JsonElement {
        val start = since(begun)
        val at = System.nanoTime()
        val asked = numbered(action, i) as JsonObject
        val old = tokens?.now
        var result = once(session, asked)
        // What a user of a client without a hook for it writes: catch the 401, log in again, call once more.
        if (tokens != null && old != null && !session.renews && result["status"] == UNAUTHORIZED) {
            tokens.after(old)
            result = once(session, asked)
        }
        return JsonObject(mapOf("start" to JsonPrimitive(start), "ms" to JsonPrimitive(since(at))) + result)
    }

    private suspend fun CoroutineScope.once(session: Session, action: JsonObject): Map<String, JsonElement> {
        val headers = action["headers"]?.jsonObject.orEmpty().mapValues { it.value.jsonPrimitive.content }
        val turn = Turn(action["json"], headers)
        val streamed = action["stream"] == JsonPrimitive(true)
        val reads = action.getValue("call").jsonPrimitive.content.startsWith("GET")
        // Not a child: how it ends is a result, never the end of this program.
        val playing =
            CoroutineScope(Dispatchers.Default + Job()).async {
                when {
                    streamed -> session.stream(turn)
                    reads -> session.read(turn)
                    else -> session.write(turn)
                }
            }
        val cancelling =
            action["cancelAfter"]?.let { after ->
                launch {
                    delay(after.jsonPrimitive.long)
                    if (!turn.cancel()) playing.cancel(CancellationException("the caller's own"))
                }
            }
        val result =
            try {
                report(turn, playing.await())
            } catch (@Suppress("TooGenericExceptionCaught") failed: Throwable) {
                failed(session, turn, failed)
            }
        cancelling?.cancel()
        return result
    }

    private fun report(turn: Turn, status: Int): Map<String, JsonElement> {
        val opened = turn.headersMs ?: return mapOf("status" to JsonPrimitive(status))
        return opened(turn, opened, status) + ("readMs" to JsonPrimitive(turn.since()))
    }

    private fun opened(turn: Turn, opened: Double, status: Int): Map<String, JsonElement> =
        mapOf("ms" to JsonPrimitive(opened), "status" to JsonPrimitive(status), "bytes" to JsonPrimitive(turn.bytes))

    private fun failed(session: Session, turn: Turn, failed: Throwable): Map<String, JsonElement> {
        val causes = generateSequence(failed.cause) { it.cause }.take(DEEPEST).joinToString("") { "\n$it" }
        val words = mapOf(
            "name" to JsonPrimitive(failed.javaClass.simpleName),
            "text" to JsonPrimitive("$failed$causes"),
        )
        val opened = turn.headersMs
        val status = turn.status
        return when {
            failed is Absent -> error("absent")
            failed is Wrong -> words + error("wrong")
            opened != null && status != null ->
                words + opened(turn, opened, status) + ("broke" to JsonPrimitive(turn.since())) +
                    family(session, failed)
            session.cancelled(failed) -> words + error("cancelled")
            else ->
                session.status(failed)?.let { words + ("status" to JsonPrimitive(it)) }
                    ?: (words + error("native") + family(session, failed))
        }
    }

    private fun error(word: String) = mapOf("error" to JsonPrimitive(word))

    private fun family(session: Session, failed: Throwable) =
        mapOf("family" to JsonPrimitive(session.family(failed).name.lowercase()))

    private companion object {
        val NOTHING = JsonObject(emptyMap())
        val UNAUTHORIZED = JsonPrimitive(401)
        const val DEEPEST = 5
        val UNITS = mapOf("ms" to 1L, "s" to 1_000L, "m" to 60_000L, "h" to 3_600_000L)

        fun since(begun: Long): Double = (System.nanoTime() - begun) / 1e6

        /** Reads a duration as policies write it. */
        fun milliseconds(written: JsonElement): Long {
            val text = written.jsonPrimitive.content
            val number = text.takeWhile { it.isDigit() }
            return number.toLong() * UNITS.getValue(text.substring(number.length).ifEmpty { "ms" })
        }

        /** `$i` in every text is the number of the call. */
        fun numbered(value: JsonElement, i: Int): JsonElement =
            when (value) {
                is JsonObject -> JsonObject(value.mapValues { numbered(it.value, i) })
                is JsonArray -> JsonArray(value.map { numbered(it, i) })
                is JsonPrimitive -> if (value.isString) JsonPrimitive(value.content.replace("\$i", "$i")) else value
            }
    }
}
