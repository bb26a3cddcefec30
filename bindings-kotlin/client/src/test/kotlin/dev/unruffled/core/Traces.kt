package dev.unruffled.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.CRC32

/** The hash of all answers of an engine, as every language computes it. */
internal class TraceHash {
    var value: Int = 0x811C9DC5.toInt()
        private set

    fun fold(x: Int) {
        val mixed = (value xor x) * FACTOR
        value = mixed xor (mixed ushr SHIFT)
    }

    fun word(word: Long) {
        fold(word.toInt())
        fold((word ushr Int.SIZE_BITS).toInt())
    }

    fun text(text: String) {
        fold(CRC32().apply { update(text.encodeToByteArray()) }.value.toInt())
    }

    private companion object {
        const val FACTOR = 0x9E3779B1.toInt()
        const val SHIFT = 15
    }
}

/** Plays recorded inputs through the boundary: for each seed a fresh engine, whose answers must give the recorded hash. */
internal class Traces(bytes: ByteBuffer) {
    private val from = bytes.order(ByteOrder.LITTLE_ENDIAN)

    /** The number of seeds with the recorded hash, and the failures of the others. */
    class Tally(val passed: Int, val failures: List<String>)

    fun play(): Tally {
        val magic = ByteArray(MAGIC.length).also { from.get(it) }.decodeToString()
        check(magic == MAGIC) { "not a trace file" }
        val seeds = from.getInt()
        val failures = (0 until seeds).mapNotNull { seed() }
        check(!from.hasRemaining()) { "${from.remaining()} bytes after the last seed" }
        return Tally(seeds - failures.size, failures)
    }

    private fun seed(): String? {
        val core = Core(text(), false)
        try {
            val low = from.getInt().toLong() and UNSIGNED
            val high = from.getInt().toLong() and UNSIGNED
            val seed = high shl Int.SIZE_BITS or low
            core.seed(seed)
            core.subscribe(from.getInt())
            val inputs = from.getInt()
            val expected = from.getInt()
            val hash = TraceHash()
            repeat(inputs) { input(core, hash) }
            if (hash.value == expected) return null
            return "seed $seed: after $inputs inputs ${expected.toUInt()} expected, got ${hash.value.toUInt()}"
        } finally {
            core.release()
        }
    }

    private fun input(core: Core, hash: TraceHash) {
        when (val op = from.get().toInt()) {
            BEGIN -> hash.word(core.begin(int(), long(), int(), int(), int(), long()))
            RESPOND -> hash.word(core.respond(int(), long(), int()))
            RESPOND_WITH -> hash.word(core.respondWith(int(), long(), long(), int(), bytes(), NOTHING))
            RESPOND_BODY -> hash.word(core.respondWith(int(), long(), long(), int(), bytes(), bytes()))
            FAULT -> hash.word(core.fault(int(), long(), int()))
            RESUME -> hash.word(core.resume(int(), long()))
            TOKEN -> hash.word(core.token(long(), long(), long()))
            TOKEN_FAILED -> hash.word(core.tokenFailed(long(), long(), int(), long()))
            ONLINE -> hash.word(core.online(long()))
            ABANDON -> hash.word(core.abandon(int(), long()))
            REPORT -> hash.text(core.report(int()))
            WAKE -> hash.word(core.wake())
            ROUTE -> hash.fold(core.route(text()))
            SCOPE -> hash.fold(core.scope(text(), text()))
            EVENTS -> hash.text(core.events())
            SNAPSHOT -> hash.text(core.snapshot(long()))
            CLOSE -> hash.word(core.close(long()))
            RENEW -> hash.word(core.renew(long(), int()))
            RESET -> hash.word(core.reset(long(), int()))
            else -> error("no such input: $op")
        }
    }

    private fun long(): Long = from.getDouble().toLong()

    private fun int(): Int = long().toInt()

    private fun bytes(): ByteArray = ByteArray(from.getInt()).also { from.get(it) }

    private fun text(): String = bytes().decodeToString()

    internal companion object {
        const val MAGIC = "UNRTRC1\n"
        const val BEGIN = 1
        const val RESPOND = 2
        const val RESPOND_WITH = 3
        const val RESPOND_BODY = 4
        const val FAULT = 5
        const val RESUME = 6
        const val TOKEN = 7
        const val TOKEN_FAILED = 8
        const val ONLINE = 9
        const val ABANDON = 10
        const val REPORT = 11
        const val WAKE = 12
        const val ROUTE = 13
        const val SCOPE = 14
        const val EVENTS = 15
        const val SNAPSHOT = 16
        const val CLOSE = 17
        const val RENEW = 18
        const val RESET = 19
        private const val UNSIGNED = 0xFFFF_FFFFL
        private val NOTHING = ByteArray(0)
    }
}
