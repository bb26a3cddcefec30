package dev.unruffled.support

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.io.File

/** The files that all languages share. */
internal object House {
    val root: File = generateSequence(File("").absoluteFile) {
        it.parentFile
    }.first { File(it, "tests/README.md").isFile }

    /** Returns the JSON files below a folder of `tests/`, in a fixed order. */
    fun files(folder: String): List<File> =
        File(root, "tests/$folder").walkTopDown().filter { it.extension == "json" }.sortedBy { it.path }.toList()

    fun read(file: File): JsonElement = Json.parseToJsonElement(file.readText())
}

/** Returns the first place where [found] differs from [asked], or `null`. Objects may have more keys. */
internal fun lacks(asked: JsonElement, found: JsonElement?, at: String = ""): String? =
    when (asked) {
        is JsonObject ->
            if (found !is JsonObject) {
                "$at: $asked expected, got $found"
            } else {
                asked.entries.firstNotNullOfOrNull { (key, value) -> lacks(value, found[key], "$at.$key") }
            }
        is JsonArray ->
            if (found !is JsonArray || found.size != asked.size) {
                "$at: $asked expected, got $found"
            } else {
                asked.indices.firstNotNullOfOrNull { lacks(asked[it], found[it], "$at[$it]") }
            }
        is JsonPrimitive -> if (found == asked) null else "$at: $asked expected, got $found"
    }
