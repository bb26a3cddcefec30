package dev.unruffled.http

import dev.unruffled.Policy
import dev.unruffled.PolicyOptions
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** A caller's retry counts are those of the core's settings. */
class OuterRetryTest {
    @Test
    fun `each header of the settings proves a retry from its number on`() {
        val engine = PolicyOptions().open(Policy.of("http://127.0.0.1:1"))
        val counts = engine.settings.retryCounts
        engine.close()
        assertTrue(counts.any { it.header == "amz-sdk-request" && it.least == 2L })
        for (count in counts) {
            val rows =
                listOf(
                    "${count.least}" to true,
                    "attempt=${count.least}; max=3" to true,
                    "${count.least - 1}" to false,
                    "attempt=${count.least - 1}; max=3" to false,
                    "9".repeat(30) to true,
                    "" to false,
                    "none" to false,
                )
            for ((value, proves) in rows) {
                assertEquals(proves, OuterRetry.by(counts) { if (it == count.header) value else null }, "${count.header}: $value")
            }
        }
    }
}
