package dev.unruffled.core

import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.support.House
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import java.nio.file.StandardOpenOption

/**
 * Every language gives the answers that the simulation recorded. Its file is named by `UNRUFFLED_TRACES`; without one, what
 * is played are vectors written down as traces, their hashes computed from the words that stand in the files.
 */
class TracesTest {
    @Test
    fun `every trace gives its hash`() {
        val file = System.getenv("UNRUFFLED_TRACES")
        val played = Traces(if (file == null) vectors().bytes(0) else mapped(File(file))).play()
        println("traces: ${played.passed} passed")
        assertEquals(emptyList<String>(), played.failures, played.failures.joinToString("\n"))
        assertTrue(played.passed >= FEWEST, "${played.passed} traces are too few")
    }

    @Test
    fun `a trace with another hash is named`() {
        val failures = Traces(vectors().bytes(1)).play().failures
        assertTrue(failures.size >= FEWEST && failures.all { it.startsWith("seed ") }, "$failures")
    }

    private fun mapped(file: File): ByteBuffer =
        FileChannel.open(file.toPath(), StandardOpenOption.READ).use {
            it.map(FileChannel.MapMode.READ_ONLY, 0, it.size())
        }

    private fun vectors(): WrittenTraces =
        WrittenTraces(House.files("vectors").filter { "/url/" !in it.path }.map { House.read(it).jsonObject })

    private companion object {
        const val FEWEST = 20
    }
}

/** Vectors of plain inputs as a trace file, with the hash that their own words give. */
private class WrittenTraces(vectors: List<JsonObject>) {
    private val written = vectors.filter(::plain)

    fun bytes(wrong: Int): ByteBuffer {
        val all = Sink()
        all.bytes.write(Traces.MAGIC.encodeToByteArray())
        all.int(written.size)
        for (vector in written) seed(all, vector, wrong)
        return ByteBuffer.wrap(all.bytes.toByteArray())
    }

    /**
     * Whether all its inputs are of the kinds below, each with the word that answers it, and no route of the policy fits. Each
     * of its texts is an endpoint of its own: then they are numbered as they come.
     */
    private fun plain(vector: JsonObject): Boolean {
        val steps = vector["steps"]?.jsonArray?.map { it.jsonObject }.orEmpty()
        val policy = vector["policy"] as? JsonObject ?: return false
        val usual = "routes" !in policy && "lenient" !in vector && "subscribe" !in vector
        val words = steps.all { step -> step.text("route").orEmpty().none { it.isDigit() || it == '%' || it == '@' } }
        return usual && words && steps.isNotEmpty() && steps.all { it.keys.all(KEYS::contains) && "is" in it }
    }

    private fun seed(all: Sink, vector: JsonObject, wrong: Int) {
        val inputs = Sink()
        val hash = TraceHash()
        var count = 0
        val endpoints = LinkedHashSet<String>()
        for (step in vector.getValue("steps").jsonArray.map { it.jsonObject }) {
            step.text("route")?.let {
                inputs.op(Traces.ROUTE)
                inputs.text(it)
                endpoints += it
                hash.fold(target(endpoints, it))
                count++
            }
            input(inputs, step, step.text("route")?.let { target(endpoints, it) } ?: 0)
            hash.word(word(checkNotNull(step.text("is"))))
            count++
        }
        all.text(vector.getValue("policy").toString())
        all.int(vector["seed"]?.jsonPrimitive?.long?.toInt() ?: 0)
        all.int(0)
        all.int(0)
        all.int(count)
        all.int(hash.value + wrong)
        inputs.bytes.writeTo(all.bytes)
    }

    /** Returns the core's target of the n-th endpoint. */
    private fun target(endpoints: Set<String>, text: String): Int = (endpoints.indexOf(text) + 1) shl 16

    private fun input(to: Sink, step: JsonObject, target: Int) {
        fun number(key: String) = (step[key] as? JsonPrimitive)?.long ?: 0
        val at = number("at")
        when {
            "begin" in step -> {
                val method = step.text("method") ?: step.text("route")?.substringBefore(' ', "GET") ?: "GET"
                val what = CallFlags.of(method, CallTrait.REPEATABLE)
                to.op(Traces.BEGIN, number("begin"), at, target.toLong(), 0, what.toLong(), number("deadline"))
            }
            "respond" in step -> to.op(Traces.RESPOND, number("respond"), at, number("status"))
            "fault" in step -> {
                val code = Fault.entries.firstOrNull { it.text == step.text("as") }?.code ?: NO_FAULT
                to.op(Traces.FAULT, number("fault"), at, code.toLong())
            }
            "resume" in step -> to.op(Traces.RESUME, number("resume"), at)
            "close" in step -> to.op(Traces.CLOSE, at)
            else -> to.op(Traces.ABANDON, number("abandon"), at)
        }
    }

    /** A writer of numbers in the form of the file. */
    private class Sink {
        val bytes = ByteArrayOutputStream()

        fun op(code: Int, vararg numbers: Long) {
            bytes.write(code)
            val room = ByteBuffer.allocate(Long.SIZE_BYTES * numbers.size).order(ByteOrder.LITTLE_ENDIAN)
            for (number in numbers) room.putDouble(number.toDouble())
            bytes.write(room.array())
        }

        fun int(number: Int) {
            bytes.write(ByteBuffer.allocate(Int.SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(number).array())
        }

        fun text(text: String) {
            int(text.encodeToByteArray().size)
            bytes.write(text.encodeToByteArray())
        }
    }

    private companion object {
        const val NO_FAULT = 99
        val KEYS =
            setOf("at", "begin", "route", "method", "deadline", "respond", "status", "fault", "as") +
                setOf("resume", "abandon", "close", "is")
        val KINDS = listOf("Send", "Wait", "Park", "Refresh", "Deliver", "Fail", "Misuse", "Done")
        val SIDE_FLAGS = listOf("WAKES", "EVENTS", "KEY", "TOKEN", "REPORT", "FRESH", "APPLIED", "RESPONSE")
        val SEND_RIDERS = SIDE_FLAGS.map { if (it == "APPLIED") "RENEW" else it }
        val REFRESH_RIDERS = SIDE_FLAGS.map { mapOf("FRESH" to "EXPIRED", "APPLIED" to "REFUSED")[it] ?: it }
        val MISUSES = listOf("", "unknown", "live", "state", "dead", "generation", "range")

        /** Returns the step word that a text of a vector stands for. */
        fun word(text: String): Long {
            val parts = text.split(' ')
            val names = mapOf("Refresh" to REFRESH_RIDERS, "Send" to SEND_RIDERS)[parts[0]] ?: SIDE_FLAGS
            val riders = parts.map(names::indexOf).filter { it >= 0 }.sumOf { 1L shl it }
            val told = parts.drop(1).filter { it !in names }
            val arg =
                when (parts[0]) {
                    "Deliver" -> told.firstOrNull()?.let(::outcome) ?: 0
                    "Fail" -> {
                        val reason = Reason.entries.first { it.text == told[0] }.ordinal.toLong()
                        (told.getOrNull(2)?.toLong() ?: StepWord.NO_TIME) shl 8 or (outcome(told[1]) shl 6) or reason
                    }
                    "Misuse" -> MISUSES.indexOf(told[0]).toLong()
                    else -> told[0].toLong()
                }
            return arg shl 12 or (riders shl 4) or KINDS.indexOf(parts[0]).toLong()
        }

        fun outcome(text: String): Long = Outcome.entries.first { it.text == text }.ordinal.toLong()
    }
}
