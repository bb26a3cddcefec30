package dev.unruffled.client

import dev.unruffled.CallException
import dev.unruffled.ClientOptions
import dev.unruffled.Policy
import dev.unruffled.Reason
import dev.unruffled.Unruffled
import dev.unruffled.core.CallFlags
import dev.unruffled.core.CallTrait
import dev.unruffled.core.Core
import dev.unruffled.core.Library
import dev.unruffled.core.StepKind
import dev.unruffled.core.StepWord
import dev.unruffled.driver.Attempt
import dev.unruffled.driver.Driver
import dev.unruffled.driver.Engine
import dev.unruffled.driver.Waiter
import dev.unruffled.driver.beginCall
import dev.unruffled.driver.prepared
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.OkHttpReply
import dev.unruffled.http.onThisThread
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.Headers.Companion.headersOf
import okhttp3.Request
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.lang.ref.WeakReference
import java.net.InetAddress
import java.net.ServerSocket
import java.net.URLClassLoader
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.random.Random

/** Wrong use of a client or its core: it may refuse, but it must not crash, hang or leak. */
class AbuseTest {
    private val get = CallFlags.of("GET", CallTrait.REPEATABLE)

    private fun left(core: Core, now: Long = 0): Map<String, Int> {
        val snapshot = Json.parseToJsonElement(core.snapshot(now)).jsonObject
        return listOf("inFlight", "live", "waiting").associateWith { snapshot.getValue(it).jsonPrimitive.int }
    }

    private val nothing = mapOf("inFlight" to 0, "live" to 0, "waiting" to 0)

    /** A host that answers every attempt at once. */
    private object AtOnce : OkHttpHost {
        private val bytes = "{}".encodeToByteArray()

        override suspend fun send(attempt: Attempt<Request>): OkHttpReply = OkHttpReply(200, headersOf(), bytes, null)

        override suspend fun retain(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray = bytes

        override suspend fun whole(reply: OkHttpReply, most: Long): ByteArray = bytes

        override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean = false

        override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T = function()
    }

    @Test
    fun `random inputs of any kind give words, and abandoning gives everything back`() {
        val policies =
            listOf(
                "{}",
                """{"concurrency":2,"limits":[{"name":"a","rate":3,"per":"1s"}]}""",
                """{"breaker":{"wait":"5s"},"retry":{"attempts":8}}""",
            )
        for ((seed, policy) in policies.withIndex()) {
            val core = Core(policy, false)
            core.seed(seed.toLong())
            val random = Random(seed)
            var now = 0L
            val calls = mutableSetOf<Int>()
            repeat(INPUTS) {
                now += random.nextLong(100)
                val word = input(core, random, now, calls)
                assertTrue(word in 0 until (1L shl 52), "a word has 52 bits: $word")
            }
            for (call in calls) core.abandon(call, now)
            assertEquals(nothing, left(core, now))
            assertTrue(core.release())
        }
    }

    private fun input(core: Core, random: Random, now: Long, calls: MutableSet<Int>): Long {
        // Some calls, times and codes are impossible.
        val odd = random.nextInt(20) == 0
        val call = (if (odd) random.nextInt() else random.nextInt(LAST_CALL)).also { calls += it }
        val at = if (odd && random.nextBoolean()) random.nextLong(now + 1) else now
        val what = if (odd) random.nextInt() else get
        val hints = "retry-after: ${random.nextInt(5)}\nratelimit-remaining: 0\n".encodeToByteArray()
        return when (random.nextInt(12)) {
            0, 1, 2, 3 -> core.begin(call, at, target(random), random.nextInt(3), what, 0)
            4, 5 -> core.respond(call, at, if (odd) random.nextInt() else 200)
            6 -> core.respond(call, at, 503)
            7 -> core.respondWith(call, at, at, 429, hints, hints)
            8 -> core.fault(call, at, if (odd) random.nextInt() else random.nextInt(9))
            9 -> core.resume(call, at)
            10 -> if (odd) core.token(at, random.nextLong(), random.nextLong()) else core.wake()
            else -> core.abandon(call, at)
        }
    }

    /** Returns a route, which the policy may not have, an endpoint, or both. */
    private fun target(random: Random): Int = random.nextInt(3) or (random.nextInt(4) shl 30)

    @Test
    fun `eight threads make a hundred thousand calls each through one engine`() {
        val engine = ClientOptions().open(Policy.fromString("{}"))
        val driver = Driver(engine, AtOnce)
        val delivered = AtomicInteger()
        List(8) {
            thread {
                repeat(100_000) {
                    if (onThisThread { driver.run(engine.prepared()) }.reply.status == 200) delivered.incrementAndGet()
                }
            }
        }.forEach { it.join() }
        assertEquals(800_000, delivered.get())
        assertEquals(nothing, left(engine.core))
        engine.close()
        assertFalse(engine.core.release(), "the last call took the native side along")
    }

    @Test
    fun `a close that races with calls ends them all and frees the engine once`() {
        repeat(200) { round ->
            val engine = ClientOptions().open(Policy.fromString("""{"concurrency":2}"""))
            val driver = Driver(engine, AtOnce)
            val ended = AtomicInteger()
            val begun = CountDownLatch(3)
            val callers =
                List(4) {
                    thread {
                        begun.countDown()
                        repeat(50) {
                            try {
                                onThisThread { driver.run(engine.prepared()) }
                            } catch (closed: CallException) {
                                assertEquals(Reason.CLOSED, closed.reason)
                            }
                            ended.incrementAndGet()
                        }
                    }
                }
            begun.await()
            while (ended.get() < round % 50) Thread.onSpinWait()
            val closers = List(2) { thread { engine.close() } }
            (callers + closers).forEach { it.join() }
            assertEquals(200, ended.get())
            assertFalse(engine.core.release(), "round $round")
        }
    }

    @Test
    fun `the engine of a client that nobody closed is freed when another is opened`() {
        fun dropped(): Pair<WeakReference<Engine>, Core> {
            val engine = ClientOptions().open(Policy.fromString("{}"))
            engine.beginCall(engine.prepared())
            return WeakReference(engine) to engine.core
        }
        val (engine, core) = dropped()
        var rounds = 0
        // The core outlives its engine here only because the test holds it.
        while (!("misuse" in core.snapshot(0))) {
            check(rounds++ < 1_000) { "still there: ${engine.get()}" }
            System.gc()
            Thread.sleep(1)
            ClientOptions().open(Policy.fromString("{}")).close()
        }
        assertFalse(core.release())
    }

    @Test
    fun `a process ends with calls open, by its end and by an exit`() {
        ServerSocket(0, 50, InetAddress.getLoopbackAddress()).use { silent ->
            for (way in listOf("end", "exit")) {
                val java = File(System.getProperty("java.home"), "bin/java").path
                val path = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
                val main = OpenCalls::class.java.name
                val command = listOf(java, "-cp", path, main, "http://127.0.0.1:${silent.localPort}", way)
                val process = ProcessBuilder(command).redirectErrorStream(true).start()
                val ended = process.waitFor(60, TimeUnit.SECONDS)
                if (!ended) process.destroyForcibly()
                val text = process.inputStream.bufferedReader().readText()
                assertTrue(ended, "$way: $text")
                assertEquals(0, process.exitValue(), "$way: $text")
                assertEquals("6 open", text.trim(), way)
            }
        }
    }

    @Test
    fun `a second class loader in the process has engines, too`() {
        val path = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        val urls = path.split(File.pathSeparator).map { File(it).toURI().toURL() }.toTypedArray()
        assertEquals("true Send Deliver", Elsewhere.play())
        URLClassLoader(urls, ClassLoader.getPlatformClassLoader()).use { loader ->
            val elsewhere = loader.loadClass(Elsewhere::class.java.name)
            assertEquals("false Send Deliver", elsewhere.getMethod("play").invoke(null))
        }
    }

    private companion object {
        const val INPUTS = 100_000
        const val LAST_CALL = 40
    }
}

/** A call from another class loader. It prints whether the VM bound the natives itself, and the step words. */
internal object Elsewhere {
    @JvmStatic
    fun play(): String {
        val core = Core("{}", false)
        val sent = StepWord.kind(core.begin(1, 0, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)) == StepKind.SEND
        val delivered = StepWord.kind(core.respond(1, 0, 200)) == StepKind.DELIVER
        core.release()
        return "${Library.linked} ${if (sent) "Send" else "?"} ${if (delivered) "Deliver" else "?"}"
    }
}

/** A process with calls that are never answered: three that suspend, three that block. */
internal object OpenCalls {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (base, way) = arguments
        val client = Unruffled.client(base)
        repeat(3) { thread(isDaemon = true) { client.blocking.get("/") } }
        thread(isDaemon = true) { runBlocking { repeat(3) { launch { client.get("/") } } } }
        while (client.snapshot()["inFlight"] != 6L) Thread.sleep(1)
        println("6 open")
        if (way == "exit") System.exit(0)
    }
}
