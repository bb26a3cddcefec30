package dev.unruffled.core

import com.sun.jna.Native

/**
 * The core's functions of integers, one call each: integers in, one word out (see [StepWord]). Every integer is legal input.
 * The VM binds them by itself, at a fifth of what JNA's way costs; JNA has to where another class loader has the file.
 */
@Suppress("ktlint:standard:function-naming", "FunctionName", "LongParameterList")
internal object Crossings {
    init {
        if (!Library.linked) Native.register(Crossings::class.java, Library.path)
    }

    @JvmStatic
    external fun unruffled_begin(
        engine: Long,
        call: Int,
        now: Long,
        route: Int,
        scope: Int,
        flags: Int,
        deadline: Long,
    ): Long

    @JvmStatic
    external fun unruffled_respond(
        engine: Long,
        call: Int,
        now: Long,
        status: Int,
    ): Long

    @JvmStatic
    external fun unruffled_fault(
        engine: Long,
        call: Int,
        now: Long,
        fault: Int,
    ): Long

    @JvmStatic
    external fun unruffled_resume(
        engine: Long,
        call: Int,
        now: Long,
    ): Long

    @JvmStatic
    external fun unruffled_abandon(
        engine: Long,
        call: Int,
        now: Long,
    ): Long

    @JvmStatic
    external fun unruffled_token(
        engine: Long,
        now: Long,
        generation: Long,
        expiresIn: Long,
    ): Long

    @JvmStatic
    external fun unruffled_token_failed(
        engine: Long,
        now: Long,
        generation: Long,
        fault: Int,
        retryAfter: Long,
    ): Long

    @JvmStatic
    external fun unruffled_renew(
        engine: Long,
        now: Long,
        scope: Int,
    ): Long

    @JvmStatic
    external fun unruffled_reset(
        engine: Long,
        now: Long,
        scope: Int,
    ): Long

    @JvmStatic
    external fun unruffled_free(
        engine: Long,
        now: Long,
        scope: Int,
    ): Long

    @JvmStatic
    external fun unruffled_online(
        engine: Long,
        now: Long,
    ): Long

    @JvmStatic
    external fun unruffled_wake(engine: Long): Long

    @JvmStatic
    external fun unruffled_close(
        engine: Long,
        now: Long,
    ): Long

    @JvmStatic
    external fun unruffled_release(engine: Long): Int
}

/** The one function of bytes, which JNA hands over. */
@Suppress("ktlint:standard:function-naming", "FunctionName", "LongParameterList")
internal object ByteCrossings {
    init {
        Native.register(ByteCrossings::class.java, Library.path)
    }

    @JvmStatic
    external fun unruffled_respond_with(
        engine: Long,
        call: Int,
        now: Long,
        wall: Long,
        status: Int,
        hints: ByteArray,
        hintsLength: Int,
        body: ByteArray,
        bodyLength: Int,
    ): Long
}
