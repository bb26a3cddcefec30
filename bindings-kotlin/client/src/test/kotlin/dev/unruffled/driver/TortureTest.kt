package dev.unruffled.driver

import dev.unruffled.Client
import dev.unruffled.ClientOptions
import dev.unruffled.Need
import dev.unruffled.Policy
import dev.unruffled.Token
import dev.unruffled.client.Calls
import dev.unruffled.client.Verbs
import dev.unruffled.core.number
import dev.unruffled.core.plain
import dev.unruffled.core.text
import dev.unruffled.http.Transport
import dev.unruffled.scenarios.ScriptedServer
import dev.unruffled.support.House
import dev.unruffled.support.optionsOf
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import okhttp3.OkHttpClient
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

/**
 * Every scenario again and again, each time with one of its steps harmed in one way: nothing hangs, every call ends, and
 * nothing is left. In virtual time, over the scenarios' own scripts. `-DargLine=-Dtorture=all` harms every step of each.
 */
class TortureTest {
    /** The handler of errors that a listener throws. */
    private val handler = Thread.getDefaultUncaughtExceptionHandler()

    @BeforeEach
    fun quiet() = Thread.setDefaultUncaughtExceptionHandler { _, error -> if (error !is Death) error.printStackTrace() }

    @AfterEach
    fun loud() = Thread.setDefaultUncaughtExceptionHandler(handler)

    @Test
    fun `nothing is left of a call that broke anywhere, suspending`() = torture("jvm", ::Coroutines)

    @Test
    fun `nothing is left of a call that broke anywhere, blocking`() = torture("jvm-blocking", ::Threads)

    private fun torture(runtime: String, world: () -> World) {
        val failures = mutableListOf<String>()
        val struck = sortedSetOf<String>()
        var points = 0
        var unreached = 0
        for (file in House.files("scenarios")) {
            val scenario = House.read(file).jsonObject
            if (scenario.text("client") == "dropin") continue
            val name = file.nameWithoutExtension
            val whole = Torment(scenario, world(), -1, null).play()
            whole.wrong?.let { failures += "$name, unharmed: $it" }
            for (at in chosen(whole.steps)) {
                for (harm in Harm.entries) {
                    val end = Torment(scenario, world(), at, harm).play()
                    end.wrong?.let { failures += "$name, step $at (${end.struck}), $harm: $it" }
                    // Threads race, so a step may come in one play and not in the next.
                    end.struck?.let { struck += it } ?: unreached++
                    points++
                }
            }
        }
        println("torture: ${points - unreached - failures.size} points passed ($runtime)")
        assertEquals(emptyList<String>(), failures.take(SHOWN), "${failures.size} of $points points failed")
        assertTrue(unreached * 100 <= points) { "$unreached of $points steps were not reached" }
        assertEquals(emptySet<String>(), STEPS - struck, "these were never harmed")
    }

    /** All steps, or some that are spread over the scenario. */
    private fun chosen(steps: Int): Iterable<Int> {
        if (steps <= MOST || System.getProperty("torture") == "all") return 0 until steps
        return (0 until MOST).map { it * steps / MOST }
    }

    private companion object {
        const val MOST = 10
        const val SHOWN = 20

        /** Steps that are harmed in every way. */
        val STEPS =
            setOf("send", "sent", "headers", "body", "keep begins", "keep ends", "rest begins", "rest ends") +
                setOf("ask begins", "ask ends", "credentials", "listener", "close")
    }
}

/** One scenario with one harm in it. */
private class Torment(private val scenario: JsonObject, private val world: World, at: Int, harm: Harm?) {
    class End(val steps: Int, val struck: String?, val wrong: String?)

    private val plan = Plan(at, harm, world)
    private val server = ScriptedServer(scenario["server"]?.jsonObject ?: JsonObject(emptyMap()))
    private val callers = ArrayList<Caller>()
    private val engine = options().open(policy(scenario), world.clock).also { it.core.seed(SEED) }
    private val transport = Transport(http, engine.settings)
    private val real = world.host(transport)
    private val calls = calls()
    private val client = Client(engine, transport, calls)
    private var credentials = 0

    fun play(): End {
        plan.close = client::close
        world.begin(0) { for (action in scenario.getValue("do").jsonArray) act(action.jsonObject) }
        val ended = world.run()
        return End(plan.steps, plan.struck, wrong(ended))
    }

    /** Returns the first leak or error after the play, or `null`. */
    private fun wrong(ended: Boolean): String? {
        if (!ended) return "somebody waits for ever"
        callers.firstOrNull { it.end == null }?.let { return "a call did not end" }
        callers.firstOrNull { it.undead > 0 }?.let { return "an attempt after the cancellation" }
        if (plan.open != 0) return "${plan.open} answers left open"
        val rest = Json.parseToJsonElement(engine.core.snapshot(world.clock.now())).jsonObject
        val left = listOf("inFlight", "live", "waiting").filter { (rest[it]?.jsonPrimitive?.int ?: 0) != 0 }
        if (left.isNotEmpty()) return "left: $left in $rest"
        client.close()
        if (engine.core.release()) return "a seat is still taken"
        return null
    }

    private suspend fun act(action: JsonObject) {
        when {
            "pause" in action -> world.pass(action.number("pause"))
            "close" in action -> client.close()
            else -> together(action)
        }
    }

    private suspend fun together(action: JsonObject) {
        val count = minOf(action["together"]?.jsonPrimitive?.int ?: 1, MOST)
        val every = action["every"]?.jsonPrimitive?.long ?: 0
        val width = action["width"]?.jsonPrimitive?.int ?: count
        var ended = 0
        repeat(count) { i ->
            world.until { i - ended < width }
            val caller = Caller().also { callers += it }
            world.begin(every * i) {
                try {
                    caller.end = call(numbered(action, i), caller)
                } catch (death: Death) {
                    caller.end = "$death"
                } catch (@Suppress("TooGenericExceptionCaught") failed: Exception) {
                    caller.end = "$failed"
                } finally {
                    ended++
                }
            }
        }
        world.until { ended == count }
    }

    private suspend fun call(action: JsonObject, caller: Caller): String {
        action["cancelAfter"]?.let { world.cancel(it.jsonPrimitive.long) }
        action["closeAfter"]?.let { world.begin(it.jsonPrimitive.long) { client.close() } }
        val host = TorturedHost(real, world, server, plan, caller)
        val verbs = Verbs(engine, calls, host)
        val (method, target) = checkNotNull(action.text("call")).split(' ', limit = 2)
        val options = optionsOf(action)
        if (action["stream"] == JsonPrimitive(true)) {
            return verbs.open(method, target, options).use {
                plan.step("stream", caller)
                "streamed ${it.code}"
            }
        }
        val answer = verbs.answer(method, target, options)
        return "answered ${answer.status} ${answer.explain().length}"
    }

    /** Returns options with a listener where only few calls are made. */
    private fun options(): ClientOptions {
        val few = scenario.getValue("do").jsonArray.none { "together" in it.jsonObject }
        return ClientOptions().apply { if (few) on { plan.told("listener") } }
    }

    private fun calls(): Calls {
        val correlation: (suspend () -> String?)? =
            scenario.text("correlation")?.let { text ->
                suspend {
                    plan.step("correlation", null)
                    text
                }
            }
        val credential = scenario["credentials"]?.jsonArray?.let { Credential(engine, source(it), world.context) }
        return Calls(engine, ClientOptions().json, correlation, credential)
    }

    private fun source(items: JsonArray): Credential.Source {
        suspend fun next(): Any? {
            val item = plain(items[minOf(credentials++, items.size - 1)])
            plan.step("credentials", null)
            world.pass(((item as? Map<*, *>)?.get("delay") as? Long) ?: 1)
            check((item as? Map<*, *>)?.get("fail") != true) { "no credential today" }
            return item
        }
        if (items.none { it is JsonObject && "token" in it }) return Credential.Source({ "${next()}" }, null)
        val retained: suspend (Need) -> Token = {
            val item = next()
            val until = ((item as? Map<*, *>)?.get("expiresIn") as? Long)?.let { world.clock.wall() + it }
            Token("${(item as? Map<*, *>)?.get("token") ?: item}", until)
        }
        return Credential.Source(null, retained)
    }

    private companion object {
        /** The most calls of one action: enough for every queue, few enough for thousands of steps. */
        const val MOST = 24
        const val SEED = 7L
        val http = OkHttpClient()

        fun policy(scenario: JsonObject): Policy {
            val base = mapOf("baseUrl" to JsonPrimitive("http://127.0.0.1:1"))
            return Policy.fromString(JsonObject(scenario["policy"]?.jsonObject.orEmpty() + base).toString())
        }

        fun numbered(action: JsonObject, i: Int): JsonObject =
            Json.parseToJsonElement(action.toString().replace("\$i", "$i")).jsonObject
    }
}
