package dev.unruffled

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import java.io.File

/**
 * The text of a policy file: one per upstream API. Nothing is read here; the core checks it when a client is made, and names
 * every place that is wrong.
 */
public class Policy private constructor(
    /** The policy as JSON. */
    internal val text: String,
) {
    public companion object {
        /**
         * Names the file of a policy and reads its text.
         *
         * @throws java.io.IOException if the file cannot be read.
         */
        @JvmStatic
        public fun fromFile(path: String): Policy = Policy(File(path).readText())

        /** Takes a policy from a text, for example one packed with the program. */
        @JvmStatic
        public fun fromString(json: String): Policy = Policy(json)

        /** Makes the policy of an API that needs no more than its base URL: every default holds. */
        @JvmStatic
        public fun fromUrl(baseUrl: String): Policy =
            Policy(JsonObject(mapOf("baseUrl" to JsonPrimitive(baseUrl))).toString())

        /** A text is a URL if it contains `://`, else the path of a policy file. */
        internal fun of(urlOrPath: String): Policy = if ("://" in urlOrPath) fromUrl(urlOrPath) else fromFile(urlOrPath)
    }
}

/** The handling of keys in a policy that this version does not know. */
public enum class UnknownKeys {
    /** The policy is refused. */
    ERROR,

    /** They are left out, so that a program already installed survives a policy that has grown. */
    WARN,
}
