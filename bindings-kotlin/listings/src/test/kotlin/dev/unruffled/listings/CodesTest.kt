package dev.unruffled.listings

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Test
import java.io.File

/** The client's `Codes.kt` is generated from `tests/codes.json`, the codes that all languages share. */
class CodesTest {
    private val codes = Json.parseToJsonElement(File(Listing.ROOT, "tests/codes.json").readText()).jsonObject

    private fun table(name: String): Map<String, Int> =
        codes.getValue(name).jsonObject.mapValues { it.value.jsonPrimitive.int }

    private fun constant(name: String): String = name.replace('-', '_').uppercase()

    private fun constants(
        name: String,
        doc: String,
        table: Map<String, Int>,
        suffix: String = "",
        more: String = "",
    ): String {
        val rows = table.map { (key, code) -> "    const val ${constant(key)} = $code$suffix\n" }.joinToString("")
        return "\n/** $doc */\ninternal object $name {\n$rows$more}\n"
    }

    private fun enumeration(name: String, doc: String, table: Map<String, Int>, code: (Int) -> String): String {
        val rows = table.map { (key, number) -> "    ${constant(key)}(\"$key\", ${code(number)}),\n" }.joinToString("")
        return "\n/** $doc */\n@InternalUnruffledApi\npublic enum class $name(\n    public val text: String,\n" +
            "    public val code: Int,\n) {\n$rows}\n"
    }

    private fun methods(): String {
        val named = table("methods") - "other"
        val rows = named.keys.joinToString("") { "            \"$it\" -> $it\n" }
        val of =
            "\n    /** Returns the code of the method [name]. */\n" +
                "    fun of(name: String): Int =\n        when (name) {\n$rows            else -> OTHER\n        }\n"
        return constants("MethodCode", "Methods, the low four bits of a call's flags.", table("methods"), more = of)
    }

    private fun text(): String =
        "// Generated from tests/codes.json by bindings-kotlin/listings: the codes that all languages share.\n" +
            "package dev.unruffled.core\n\nimport dev.unruffled.InternalUnruffledApi\n" +
            constants("StepKind", "Kinds of steps, the low four bits of a step word.", table("steps")) +
            constants("StepFlag", "Flags of a step word, its next eight bits.", table("flags")) +
            constants("SendFlag", "A flag of a Send, at the bit of APPLIED: the token ends soon.", table("renewal")) +
            constants(
                "NeedFlag",
                "Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed.",
                table("needs"),
            ) +
            constants(
                "MisuseCode",
                "Mistakes in the use of the core, the argument of a Misuse.",
                table("misuses"),
                "L",
            ) +
            enumeration("Fault", "How an attempt broke without an answer.", table("faults")) { "$it" } +
            enumeration(
                "Cause",
                "The platform's cause of a [Fault]. Its code is added to the fault's.",
                table("causes"),
            ) {
                "$it shl 8"
            } +
            "\n/** Added to the status of an answer after a redirect that the platform followed. */\n" +
            "internal const val REDIRECTED = ${codes.getValue("redirected")}\n" +
            methods() +
            constants("CallTrait", "Flags of a call, above the method's bits.", table("traits"))

    @Test
    fun `the codes of the client`() = Listing(FILE).check(text())

    private companion object {
        const val FILE = "bindings-kotlin/client/src/main/kotlin/dev/unruffled/core/Codes.kt"
        const val NEEDS = "Flags of a Refresh, at the bits of FRESH and APPLIED: why a token is needed."
        const val CAUSES = "The platform's cause of a [Fault]. Its code is added to the fault's."
    }
}
