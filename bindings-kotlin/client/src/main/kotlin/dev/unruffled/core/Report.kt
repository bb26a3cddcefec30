package dev.unruffled.core

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** The core's record of an ended call. */
internal class Report(
    val attempts: Int,
    val elapsed: Long,
    val status: Int?,
    /** What happened, which rule ended the call, what may have been done, what to do. */
    val message: String,
    /** The table of [CallException.explain]. */
    val text: String,
) {
    companion object {
        /** The text in place of a record that the core has dropped. */
        const val DROPPED =
            "The record of this call was dropped: a client keeps those of its last 4,096 calls, and none after close()."

        /** The table of a call that ended with [word]. */
        fun text(word: Long, report: Report?): String =
            report?.text ?: if (StepWord.has(word, StepFlag.REPORT)) DROPPED else ""

        /** `null` if the engine had no such record. */
        fun read(json: String): Report? {
            val root: JsonObject = Json.parseToJsonElement(json).jsonObject
            val attempts = root["attempts"]?.jsonPrimitive?.intOrNull ?: return null
            return Report(
                attempts,
                root.number("elapsed"),
                root["status"]?.jsonPrimitive?.intOrNull,
                root.text("message").orEmpty(),
                root.text("text").orEmpty(),
            )
        }
    }
}
