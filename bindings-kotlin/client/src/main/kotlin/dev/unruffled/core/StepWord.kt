package dev.unruffled.core

/** The core's answer to every input: `arg · 4096 + flags · 16 + kind`, at most 52 bits. See [StepKind] and [StepFlag]. */
internal object StepWord {
    /** `retryAfterMs` of a failure that knows no time. */
    const val NO_TIME = 0xFFFF_FFFFL

    fun kind(word: Long): Int = (word and 15).toInt()

    fun arg(word: Long): Long = word ushr 12

    fun has(word: Long, flag: Int): Boolean = (word shr 4).toInt() and flag != 0
}
