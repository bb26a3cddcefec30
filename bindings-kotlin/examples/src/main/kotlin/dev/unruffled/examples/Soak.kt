package dev.unruffled.examples

import dev.unruffled.CallOptions
import dev.unruffled.Client
import dev.unruffled.Policy
import dev.unruffled.Token
import dev.unruffled.Unruffled
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.runInterruptible
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import java.io.Closeable
import java.io.File
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicLong
import java.util.logging.Handler
import java.util.logging.LogRecord
import java.util.logging.Logger
import kotlin.random.Random
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds

/**
 * Makes calls for minutes against a server of random faults, suspending and blocking, some cancelled, some streamed. Memory must
 * stay flat once warm, and afterwards no call, thread, connection or file may be left.
 *
 * `--seconds N --rate CALLS_PER_S`, the fault server's program in `UNRUFFLED_FAULTS`.
 */
fun main(arguments: Array<String>) {
    val options = arguments.toList().chunked(2).associate { (name, value) -> name.removePrefix("--") to value }
    if (System.getProperty("soak") == null) exitProcess(again(arguments))
    val seconds = options.getValue("seconds").toLong()
    val rate = options.getValue("rate").toDouble()
    val soak = RandomFaults().use { Soak(it.base, rate).play(seconds) }
    println(soak)
    exitProcess(if (soak.held()) 0 else 1)
}

/** The same in a process whose heap neither grows nor shrinks, so that what grows is a leak. */
private fun again(arguments: Array<String>): Int {
    val java = File(System.getProperty("java.home"), "bin/java").path
    val flags = listOf("-Dsoak=true", "-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC")
    val path = System.getProperty("java.class.path")
    val process =
        ProcessBuilder(listOf(java) + flags + listOf("-cp", path, "dev.unruffled.examples.SoakKt") + arguments)
    // Else the C library keeps a pool of memory for each of many threads.
    process.environment()["MALLOC_ARENA_MAX"] = "2"
    return process.inheritIO().start().waitFor()
}

/** The fault server with a script in which one answer in three is none. */
private class RandomFaults : Closeable {
    private val process =
        ProcessBuilder(checkNotNull(System.getenv("UNRUFFLED_FAULTS")) { "UNRUFFLED_FAULTS names the fault server" })
            .redirectError(ProcessBuilder.Redirect.INHERIT).start()
    val base: String

    init {
        val line = process.inputStream.bufferedReader().readLine()
        val address = line.substringAfter("\"address\":\"").substringBefore('"')
        val http = OkHttpClient()
        val request = Request.Builder().url("$address/_faults/runs/soak").put(script().toRequestBody()).build()
        http.newCall(request).execute().use { check(it.isSuccessful) { it.body.string() } }
        http.connectionPool.evictAll()
        http.dispatcher.executorService.shutdown()
        base = "$address/soak"
    }

    private fun script(): String {
        val random = Random(SEED)
        val answers = List(ANSWERS) { if (random.nextDouble() < FAULTY) FAULTS[random.nextInt(FAULTS.size)] else FINE }
        return """{"log":false,"cycle":true,"answers":[${answers.joinToString(",")}]}"""
    }

    override fun close() {
        process.outputStream.close()
        process.waitFor(END_SECONDS, TimeUnit.SECONDS)
    }

    private companion object {
        const val SEED = 4
        const val ANSWERS = 997
        const val FAULTY = 0.3
        const val END_SECONDS = 5L
        const val FINE = """{"json":{"id":7}}"""
        val FAULTS =
            listOf(
                "reset-before",
                "reset-after",
                "close",
                "close-after",
                "truncate",
                "cut-chunk",
                "garbage",
                "stall-body",
            )
                .map { """{"bytes":4000,"fault":"$it"}""" } +
                listOf(
                    """{"bytes":40,"fault":"dribble","piece":10,"every":5}""",
                    """{"fault":"stall-headers"}""",
                    """{"delay":150}""",
                    """{"bytes":200000}""",
                    """{"status":500,"bytes":4000}""",
                    """{"status":503,"headers":{"retry-after-ms":"20"}}""",
                    """{"status":404,"json":{"error":"gone"}}""",
                    """{"status":401}""",
                )
    }
}

private class Soak(base: String, private val rate: Double) {
    private val http = OkHttpClient()
    private val client: Client =
        Unruffled.client(Policy.fromString(POLICY)) {
            baseUrl(base)
            okHttp(http)
            credentials { Token("t", System.currentTimeMillis() + TOKEN_MS) }
        }
    private val random = Random(1)
    private val calls = AtomicLong()
    private val answered = AtomicLong()
    private val leaked = Leaks()
    private var perSecond = 0.0

    /** Seconds in which calls were begun. */
    private var loaded = 0.0
    private var warm = Held(0, 0, 0)
    private var end = Held(0, 0, 0)
    private val left = LinkedHashMap<String, Long>()

    /** The resources of a process: memory in bytes, open files. */
    private class Held(val resident: Long, val heap: Long, val files: Long)

    fun play(seconds: Long): Soak =
        apply {
            runBlocking(Dispatchers.Default) {
                val warming = minOf(seconds / 3, MOST_WARMING)
                load(warming)
                settle()
                warm = held()
                load(seconds - warming)
                perSecond = calls.get() / loaded
                settle()
                end = held()
            }
            val rest = client.snapshot()
            for (name in listOf("inFlight", "live", "waiting")) left[name] = rest[name] as Long
            client.close()
            left["connections"] = http.connectionPool.connectionCount().toLong() + leaked.count
            val ours = Regex("unruffled \\d+")
            left["threads"] = Thread.getAllStackTraces().keys.count { it.name.matches(ours) }.toLong()
            left["files"] = maxOf(0, end.files - warm.files)
        }

    /** Begins calls on a schedule, even if earlier ones are slow or fail. */
    private suspend fun load(seconds: Long) {
        val all = CoroutineScope(Dispatchers.Default + Job())
        val begun = System.nanoTime()
        var made = 0L
        while (true) {
            val since = (System.nanoTime() - begun) / 1e9
            if (since >= seconds) break
            while (made < since * rate) {
                val luck = random.nextDouble()
                val number = made++
                all.launch { one(luck, number) }
                calls.incrementAndGet()
            }
            delay(TICK_MS)
        }
        loaded += (System.nanoTime() - begun) / 1e9
        val job = checkNotNull(all.coroutineContext[Job])
        withTimeoutOrNull(END_MS) { while (job.children.any { it.isActive }) delay(TICK_MS) }
        val unended = job.children.count { it.isActive }
        if (unended > 0) System.err.println("$unended calls did not end: ${client.snapshot()}")
        left["unended"] = (left["unended"] ?: 0) + unended
        job.cancelAndJoin()
    }

    private suspend fun one(luck: Double, number: Long) {
        val id = number % 50
        try {
            when {
                luck < 0.02 -> withTimeoutOrNull(number % 40) { client.get("/things/{id}") { path("id", id) } }
                luck < 0.05 -> client.stream(
                    "/things/{id}",
                    CallOptions {
                        path("id", id)
                    },
                ) { it.body.source().readByteArray() }
                luck < 0.10 -> client.post("/things") { json(mapOf("op" to number)).deadline(2.seconds) }
                luck < 0.12 ->
                    withTimeoutOrNull(number % 40) {
                        runInterruptible(Dispatchers.IO) { client.blocking.get("/things/{id}") { path("id", id) } }
                    }
                luck < 0.40 -> runInterruptible(Dispatchers.IO) {
                    client.blocking.get("/things/{id}") { path("id", id) }
                }
                else -> client.get("/things/{id}") { path("id", id) }
            }
            answered.incrementAndGet()
        } catch (_: Exception) {
            // Some calls must fail. The soak checks that they end and what they leave.
        }
    }

    /** Waits until idle threads and connections are gone. */
    private suspend fun settle() {
        delay(IDLE_MS)
        http.connectionPool.evictAll()
        repeat(GARBAGE_ROUNDS) {
            System.gc()
            delay(TICK_MS)
        }
    }

    private fun held(): Held {
        val resident = File("/proc/self/status").takeIf { it.isFile }?.useLines { lines ->
            lines.first { it.startsWith("VmRSS") }.filter { it.isDigit() }.toLong() * 1024
        }
        val heap = Runtime.getRuntime().run { totalMemory() - freeMemory() }
        return Held(resident ?: heap, heap, File("/proc/self/fd").list()?.size?.toLong() ?: 0)
    }

    fun held(grown: Double = GROWTH): Boolean =
        end.resident <= warm.resident * grown && end.heap <= warm.heap * grown + SLACK && left.values.all { it == 0L }

    override fun toString(): String {
        val rest = left.entries.joinToString(",") { (name, count) -> "\"$name\":$count" }
        val per = Math.round(perSecond * 10) / 10.0
        return """{"runtime":"jvm","seconds":${Math.round(calls.get() / perSecond)},"calls":${calls.get()},""" +
            """"answered":${answered.get()},"perSecond":$per,"rssWarm":${warm.resident},"rssEnd":${end.resident},""" +
            """"heapWarm":${warm.heap},"heapEnd":${end.heap},"left":{$rest}}"""
    }

    /** A handler of OkHttp's warnings that a response was dropped without being closed. */
    private class Leaks : Handler() {
        private val logger = Logger.getLogger(OkHttpClient::class.java.name).also { it.addHandler(this) }

        @Volatile
        var count = 0
            private set

        override fun publish(record: LogRecord) {
            if ("leaked" in record.message.orEmpty()) count++
        }

        override fun flush() = Unit

        override fun close() = logger.removeHandler(this)
    }

    private companion object {
        const val POLICY =
            """{"timeouts":{"attempt":"1s","idle":"500ms","total":"5s"},"retry":{"base":"10ms"},""" +
                """"concurrency":400,"idempotency":{"header":"Idempotency-Key"}}"""
        const val TOKEN_MS = 20_000
        const val TICK_MS = 5L
        const val END_MS = 20_000L

        /** Idle threads end after ten seconds. */
        const val IDLE_MS = 12_000L
        const val MOST_WARMING = 120L
        const val GARBAGE_ROUNDS = 3
        const val GROWTH = 1.05

        /** Classes that are loaded late, and the like. */
        const val SLACK = 1_000_000
    }
}
