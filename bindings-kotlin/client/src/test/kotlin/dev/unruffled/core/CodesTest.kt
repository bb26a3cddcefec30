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
        assertEquals(table("misuses").getValue("live").toLong(), StepWord.MISUSE_LIVE)
        assertEquals(table("misuses").getValue("unknown").toLong(), StepWord.MISUSE_UNKNOWN)
    }

    @Test
    fun `steps, flags, methods and traits stand at the same bits`() {
        val steps =
            listOf(StepWord.SEND, StepWord.WAIT, StepWord.PARK, StepWord.REFRESH, StepWord.DELIVER, StepWord.FAIL, StepWord.MISUSE, StepWord.DONE)
        assertEquals(table("steps").values.toList(), steps)
        val flags =
            mapOf(
                "WAKES" to StepWord.WAKES,
                "EVENTS" to StepWord.EVENTS,
                "KEY" to StepWord.KEY,
                "TOKEN" to StepWord.TOKEN,
                "REPORT" to StepWord.REPORT,
                "FRESH" to StepWord.FRESH,
                "APPLIED" to StepWord.APPLIED,
                "RESPONSE" to StepWord.RESPONSE,
            )
        assertEquals(table("flags"), flags)
        assertEquals(table("needs"), mapOf("EXPIRED" to StepWord.NEED_EXPIRED, "REFUSED" to StepWord.NEED_REFUSED))
        for ((method, code) in table("methods")) assertEquals(code, CallFlags.method(method), method)
        val traits =
            mapOf(
                "REPEATABLE" to CallFlags.REPEATABLE,
                "KEYED" to CallFlags.KEYED,
                "STREAMED" to CallFlags.STREAMED,
                "STACKED" to CallFlags.STACKED,
                "DROPIN" to CallFlags.DROPIN,
                "CREDENTIALS" to CallFlags.CREDENTIALS,
                "SLOT" to CallFlags.SLOT,
            )
        assertEquals(table("traits"), traits)
        assertEquals(3 shl 16 or (CallFlags.KEYED shl 4) or 7, CallFlags.of("POST", CallFlags.KEYED, 2 * 65_536L + 1))
    }
}
