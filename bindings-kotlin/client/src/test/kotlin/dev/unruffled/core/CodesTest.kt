package dev.unruffled.core

import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.support.House
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File

/** The numbers on this side are the shared ones. */
class CodesTest {
    private val codes = House.read(File(House.root, "tests/codes.json")).jsonObject

    private fun table(name: String): Map<String, Int> =
        codes.getValue(name).jsonObject.mapValues { it.value.jsonPrimitive.int }

    @Test
    fun `faults, reasons and outcomes are numbered alike`() {
        assertEquals(table("faults"), Fault.entries.associate { it.text to it.code })
        assertEquals(table("causes"), Cause.entries.associate { it.text to it.ordinal })
        assertEquals(codes.getValue("redirected").jsonPrimitive.int, REDIRECTED)
        assertEquals(table("reasons"), Reason.entries.associate { it.text to it.ordinal })
        assertEquals(table("outcomes"), Outcome.entries.associate { it.text to it.ordinal })
        assertEquals(table("misuses").getValue("live").toLong(), Word.MISUSE_LIVE)
        assertEquals(table("misuses").getValue("unknown").toLong(), Word.MISUSE_UNKNOWN)
    }

    @Test
    fun `steps, flags, methods and traits stand at the same bits`() {
        val steps =
            listOf(Word.SEND, Word.WAIT, Word.PARK, Word.REFRESH, Word.DELIVER, Word.FAIL, Word.MISUSE, Word.DONE)
        assertEquals(table("steps").values.toList(), steps)
        val flags =
            mapOf(
                "WAKES" to Word.WAKES,
                "EVENTS" to Word.EVENTS,
                "KEY" to Word.KEY,
                "TOKEN" to Word.TOKEN,
                "REPORT" to Word.REPORT,
                "FRESH" to Word.FRESH,
                "APPLIED" to Word.APPLIED,
                "RESPONSE" to Word.RESPONSE,
            )
        assertEquals(table("flags"), flags)
        assertEquals(table("needs"), mapOf("EXPIRED" to Word.NEED_EXPIRED, "REFUSED" to Word.NEED_REFUSED))
        for ((method, code) in table("methods")) assertEquals(code, What.method(method), method)
        val traits =
            mapOf(
                "REPEATABLE" to What.REPEATABLE,
                "KEYED" to What.KEYED,
                "STREAMED" to What.STREAMED,
                "STACKED" to What.STACKED,
                "DROPIN" to What.DROPIN,
                "CREDENTIALS" to What.CREDENTIALS,
                "SLOT" to What.SLOT,
            )
        assertEquals(table("traits"), traits)
        assertEquals(3 shl 16 or (What.KEYED shl 4) or 7, What.of("POST", What.KEYED, 2 * 65_536L + 1))
    }
}
