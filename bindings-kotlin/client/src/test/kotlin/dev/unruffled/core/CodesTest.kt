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

/** The codes that are written by hand: reasons, outcomes and the flags of a call. */
class CodesTest {
    private val codes = House.read(File(House.root, "tests/codes.json")).jsonObject

    private fun table(name: String): Map<String, Int> =
        codes.getValue(name).jsonObject.mapValues { it.value.jsonPrimitive.int }

    @Test
    fun `reasons and outcomes are numbered alike`() {
        assertEquals(table("reasons"), Reason.entries.associate { it.text to it.ordinal })
        assertEquals(table("outcomes"), Outcome.entries.associate { it.text to it.ordinal })
    }

    @Test
    fun `method, traits and size stand at their bits in the flags of a call`() {
        for ((method, code) in table("methods")) assertEquals(code, CallFlags.of(method, 0), method)
        assertEquals(3 shl 16 or (CallTrait.KEYED shl 4) or 7, CallFlags.of("POST", CallTrait.KEYED, 2 * 65_536L + 1))
    }
}
