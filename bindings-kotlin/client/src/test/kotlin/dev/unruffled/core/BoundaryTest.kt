package dev.unruffled.core

import dev.unruffled.Policy
import dev.unruffled.PolicyException
import dev.unruffled.Reason
import dev.unruffled.Unruffled
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread

/** Wrong input at the boundary: a `Misuse` or a clear exception, never a crash. */
class BoundaryTest {
    private val empty = ByteArray(0)
    private val hostile = longArrayOf(0, -1, 1, Long.MAX_VALUE, Long.MIN_VALUE, 1L shl 52, 0xFFFF_FFFFL, 0x8000_0000L)

    private fun misuse(word: Long): Long {
        assertEquals(StepKind.MISUSE, StepWord.kind(word), "a misuse, not ${word.toString(16)}")
        return StepWord.arg(word)
    }

    @Test
    fun `hostile integers are answered with a word`() {
        val core = Core("{}", false)
        for (a in hostile) {
            for (b in hostile) {
                for (word in listOf(
                    core.begin(a.toInt(), b, b.toInt(), a.toInt(), b.toInt(), a),
                    core.respond(a.toInt(), b, a.toInt()),
                    core.respondWith(a.toInt(), b, a, b.toInt(), empty, empty),
                    core.fault(b.toInt(), a, b.toInt()),
                    core.resume(a.toInt(), b),
                    core.token(a, b, a),
                    core.tokenFailed(b, a, b.toInt(), a),
                    core.renew(a, b.toInt()),
                    core.reset(a, b.toInt()),
                    core.online(a),
                    core.wake(),
                    core.abandon(a.toInt(), b),
                )) {
                    assertTrue(word in 0 until (1L shl 52), "a word has 52 bits: $word")
                }
                core.route("${a.toInt().toChar()} $b")
                core.scope("$a", "$b")
                core.report(a.toInt())
                core.snapshot(b)
                core.brief(a.toInt(), b)
            }
        }
        assertTrue(core.release())
    }

    @Test
    fun `unknown and released engines are told so`() {
        val core = Core("{}", false)
        assertTrue(core.release())
        assertFalse(core.release())
        for (handle in hostile + core.handle) {
            assertEquals(MisuseCode.UNKNOWN, misuse(Crossings.unruffled_begin(handle, 1, 0, 0, 0, 16, 0)))
            assertEquals(MisuseCode.UNKNOWN, misuse(Crossings.unruffled_wake(handle)))
        }
        assertTrue("misuse" in core.settings())
        assertTrue("misuse" in core.snapshot(0))
    }

    @Test
    fun `a live id is refused, an ended one cannot end again`() {
        val core = Core("{}", false)
        assertEquals(StepKind.SEND, StepWord.kind(core.begin(1, 0, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)))
        assertEquals(MisuseCode.LIVE, misuse(core.begin(1, 0, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)))
        assertEquals(StepKind.DELIVER, StepWord.kind(core.respond(1, 1, 200)))
        assertEquals(MisuseCode.UNKNOWN, misuse(core.respond(1, 1, 200)))
        assertEquals(MisuseCode.UNKNOWN, misuse(core.fault(1, 1, 0)))
        assertEquals(StepKind.SEND, StepWord.kind(core.begin(1, 2, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)))
        core.release()
    }

    @Test
    fun `two engines know nothing of each other`() {
        val one = Core("{}", false)
        val other = Core("{}", false)
        assertTrue(one.handle != other.handle)
        one.begin(1, 0, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)
        assertEquals(MisuseCode.UNKNOWN, misuse(other.respond(1, 0, 200)))
        assertTrue(one.release())
        assertEquals(StepKind.SEND, StepWord.kind(other.begin(1, 0, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)))
        other.release()
    }

    @Test
    fun `after close a call fails as closed`() {
        val core = Core("{}", false)
        core.close(1)
        val word = core.begin(1, 2, 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)
        assertEquals(StepKind.FAIL, StepWord.kind(word))
        assertEquals(Reason.CLOSED.ordinal.toLong(), StepWord.arg(word) and 63)
        core.release()
    }

    @Test
    fun `eight threads use one engine`() {
        val core = Core("{}", false)
        val ids = AtomicInteger()
        val delivered = AtomicInteger()
        val threads =
            List(8) {
                thread {
                    repeat(2_000) { round ->
                        val id = ids.getAndIncrement()
                        var word = core.begin(id, round.toLong(), 0, 0, CallFlags.of("GET", CallTrait.REPEATABLE), 0)
                        check(StepWord.kind(word) == StepKind.SEND)
                        word = core.respond(id, round.toLong(), 200)
                        if (StepWord.kind(word) == StepKind.DELIVER) delivered.incrementAndGet()
                    }
                }
            }
        threads.forEach { it.join() }
        assertEquals(16_000, delivered.get())
        core.release()
    }

    @Test
    fun `a wrong policy names its places`() {
        val wrong =
            assertThrows(PolicyException::class.java) { Unruffled.client(Policy.fromString("""{"retyr": {}}""")) }
        assertEquals(listOf("retyr: unknown key; did you mean \"retry\"?"), wrong.issues.map { it.text })
        assertEquals("retyr", wrong.issues[0].path)
        assertEquals(1, wrong.issues[0].line)
        for (text in listOf("", "[]", "{", "\u0000", "{}".padEnd(10_000_000))) {
            assertThrows(PolicyException::class.java, { Unruffled.client(Policy.fromString(text)) }, text.take(40))
        }
    }
}
