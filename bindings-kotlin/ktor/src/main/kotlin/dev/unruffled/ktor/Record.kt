package dev.unruffled.ktor

import dev.unruffled.driver.CallRecord
import io.ktor.util.AttributeKey

/** The record of a call in each attempt's attributes: a plugin below finds it there, and so does `explain()`. */
internal val RECORD: AttributeKey<CallRecord> = AttributeKey("unruffled")
