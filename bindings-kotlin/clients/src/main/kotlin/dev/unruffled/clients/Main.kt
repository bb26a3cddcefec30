package dev.unruffled.clients

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.sync.Semaphore
import kotlinx.coroutines.sync.withPermit
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.io.File
import kotlin.system.exitProcess

// Plays tests/adapters under real clients, each with one line of unruffled under it and, for comparison, bare as a user
// installs it. It holds no expectation: it hands back what happened and the fault server judges.
//
//   dev.unruffled.clients.MainKt [--client NAME[,NAME…]] [--mode unruffled|bare] [--scenario NAME[,NAME…]]
//
// How a client is added: Row.kt. Results go to the file that env UNRUFFLED_ADAPTERS names.

private const val WIDTH = 8
private const val PATIENCE_MS = 30_000L

/** One client in one mode in one scenario. */
private class Pair(val row: Row, val mode: Mode, val scenario: JsonObject) {
    val name: String = scenario.getValue("name").jsonPrimitive.content
    val alone: Boolean = scenario["alone"] == JsonPrimitive(true)
    val run: String = "${row.name}-${mode.word}-$name"
}

internal fun main(words: Array<String>) {
    val options = words.toList().chunked(2) { (option, value) -> option to value.split(',') }.toMap()
    val unknown = options.keys - setOf("--client", "--mode", "--scenario")
    require(unknown.isEmpty()) { "${unknown.first()} is not understood" }

    fun chosen(option: String, name: String): Boolean = options[option]?.contains(name) ?: true
    val pairs: List<Pair>
    val failures: Map<Pair, List<String>>
    Faults().use { faults ->
        val scenarios = faults.scenarios().jsonArray.map { it.jsonObject }
        pairs =
            ROWS.filter { chosen("--client", it.name) }.flatMap { row ->
                row.modes.filter { chosen("--mode", it.word) }.flatMap { mode -> scenarios.map { Pair(row, mode, it) } }
            }.filter { chosen("--scenario", it.name) }
        failures = runBlocking(Dispatchers.IO) { played(faults, pairs) }
    }
    show(pairs, failures)
    // Some clients leave threads.
    exitProcess(0)
}

private suspend fun played(faults: Faults, pairs: List<Pair>): Map<Pair, List<String>> {
    val results = mutableMapOf<Pair, List<String>>()
    // A class that is loaded for the first time takes longer than some scenarios allow.
    for ((row, mode) in pairs.map { it.row to it.mode }.distinct()) warm(faults, row, mode)
    val (alone, social) = pairs.partition { it.alone }
    runBlocking(Dispatchers.IO) {
        val width = Semaphore(WIDTH)
        social.map { pair -> async { pair to width.withPermit { play(faults, pair) } } }.awaitAll().toMap(results)
    }
    for (pair in alone) results[pair] = play(faults, pair)
    return results
}

private suspend fun warm(faults: Faults, row: Row, mode: Mode) {
    val healthy = Json.parseToJsonElement(
        """{"name":"warm","server":{"then":{"sdk":"json"}},"do":[{"call":"GET /thing"},{"call":"POST /thing","json":{"op":"a"}},{"call":"GET /thing","stream":true}]}""",
    )
    play(faults, Pair(row, mode, healthy.jsonObject))
}

private suspend fun play(faults: Faults, pair: Pair): List<String> =
    try {
        withTimeoutOrNull(PATIENCE_MS) { judged(faults, pair) } ?: listOf("not over after $PATIENCE_MS ms")
    } catch (@Suppress("TooGenericExceptionCaught") broken: Exception) {
        listOf(broken.stackTraceToString())
    }

private suspend fun judged(faults: Faults, pair: Pair): List<String> {
    val base = faults.begin(pair.run, pair.scenario["server"] ?: JsonObject(emptyMap()))
    val acting = Acting(pair.row, pair.mode, pair.scenario)
    val results = acting.play(base)
    val report =
        buildJsonObject {
            put("scenario", pair.scenario)
            put("results", JsonArray(results))
            put("credentialCalls", JsonPrimitive(acting.credentialCalls))
        }
    val failures = faults.check(pair.run, report).jsonObject.getValue("failures").jsonArray
    faults.forget(pair.run)
    return failures.map { it.jsonPrimitive.content }
}

private fun show(pairs: List<Pair>, failures: Map<Pair, List<String>>) {
    val table =
        pairs.map { pair ->
            buildJsonObject {
                put("runtime", JsonPrimitive("kotlin"))
                put("client", JsonPrimitive(pair.row.name))
                put("version", JsonPrimitive(pair.row.version))
                put("under", JsonPrimitive(pair.row.under))
                put("mode", JsonPrimitive(pair.mode.word))
                put("scenario", JsonPrimitive(pair.name))
                put("failures", JsonArray(failures.getValue(pair).map(::JsonPrimitive)))
            }
        }
    System.getenv("UNRUFFLED_ADAPTERS")?.let { File(it).writeText(lines(table)) }
    val onlyBare = pairs.none { it.mode == Mode.UNRUFFLED }
    for (pair in pairs) {
        val failed = failures.getValue(pair)
        if (failed.isEmpty() || (pair.mode == Mode.BARE && !onlyBare)) continue
        println("${pair.row.name} ${pair.mode.word} ${pair.name}: ${failed.joinToString("; ")}")
    }
    println("adapters: ${pairs.count { it.mode == Mode.UNRUFFLED && failures.getValue(it).isEmpty() }} passed (kotlin)")
}

private fun lines(table: List<JsonElement>): String = table.joinToString(",\n", "[\n", "\n]\n")
