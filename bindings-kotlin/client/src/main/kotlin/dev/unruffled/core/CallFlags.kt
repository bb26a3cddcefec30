package dev.unruffled.core

/** The flags of a call, as the core's `begin` takes them: method, [CallTrait]s, size of an upload that cannot be watched. */
internal object CallFlags {
    private const val PIECE = 65_536L
    private const val MOST_PIECES = 65_535L

    fun of(method: String, traits: Int, uploadBytes: Long = 0): Int {
        val pieces = minOf(MOST_PIECES, (uploadBytes + PIECE - 1) / PIECE).toInt()
        return MethodCode.of(method) or (traits shl 4) or (pieces shl 16)
    }
}
