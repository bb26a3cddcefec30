package dev.unruffled

/** Something that happened inside a client: plain values, no secrets. */
public class Event internal constructor(
    /** `attempt wait breaker limiter refresh call stacked warning`, or `dropped` for events that were not fetched in time. */
    public val kind: String,
    /** Milliseconds since the client was made. */
    public val at: Long,
    /**
     * The values of the kind, by name: `attempt` has `call route scope attempt status fault ms`, for example. `breaker` and
     * `limiter` say their `endpoint` or `route`; without either they are about the whole API.
     */
    public val values: Map<String, Any?>,
) {
    /** Returns one line for a log. */
    override fun toString(): String =
        values.entries.joinToString("", "$at ms $kind") { (name, value) -> " $name=$value" }
}
