package dev.unruffled.driver

import dev.unruffled.core.Fault
import dev.unruffled.core.text
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.OkHttpReply
import dev.unruffled.http.nativeRequest
import dev.unruffled.scenarios.ScriptedServer
import kotlinx.coroutines.CancellationException
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import okhttp3.Headers
import okhttp3.MediaType
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.Response
import okhttp3.ResponseBody
import okio.Buffer
import okio.BufferedSource
import okio.ForwardingSource
import okio.buffer
import java.io.IOException

/** The ways in which one step of a call is harmed. */
internal enum class Harm {
    /** The platform fails. */
    BREAKS,

    /** A function of the caller throws. */
    THROWS,

    /** The platform cancels; the caller does not. */
    CANCELS_ITSELF,

    /** The platform throws an [Error]. */
    DIES,

    /** The caller is cancelled: at the step, and in the middle of it. */
    CANCELLED,
    CANCELLED_SOON,

    /** Another thread closes the client: at the step, and in the middle of it. */
    CLOSED,
    CLOSED_SOON,
}

/** An error that must not be caught. */
internal class Death : Error("death")

/** Counts the steps of a whole scenario and does [harm] at the one with number [at]. */
internal class Plan(private val at: Int, private val harm: Harm?, private val world: World) {
    var close: () -> Unit = {}
    var steps = 0
        private set

    /** The name of the step that was harmed. */
    var struck: String? = null
        private set

    /** Response bodies that were handed out and not closed. */
    var open = 0

    suspend fun step(name: String, caller: Caller?) {
        when (harm.takeIf { struck(name) }) {
            null -> return
            Harm.CANCELLED -> world.cancel(0).also { caller?.cancelled = true }
            Harm.CANCELLED_SOON -> world.cancel(SOON)
            else -> harm()
        }
    }

    /** Counts a step that cannot be cancelled. */
    fun told(name: String) {
        if (struck(name)) harm()
    }

    private fun struck(name: String): Boolean {
        if (steps++ > MOST) throw Death()
        if (steps - 1 != at || harm == null) return false
        struck = name
        return true
    }

    private fun harm() {
        when (harm) {
            Harm.BREAKS -> throw IOException("broken")
            Harm.THROWS -> throw IllegalStateException("thrown")
            Harm.CANCELS_ITSELF -> throw CancellationException("itself")
            Harm.DIES -> throw Death()
            Harm.CLOSED -> close()
            Harm.CLOSED_SOON -> world.begin(SOON) { close() }
            Harm.CANCELLED, Harm.CANCELLED_SOON, null -> Unit
        }
    }

    private companion object {
        const val MOST = 100_000

        /** Less than a step takes. */
        const val SOON = 1L
    }
}

/** One call of a scenario. */
internal class Caller {
    var cancelled = false

    /** Attempts that went on after it was cancelled. */
    var undead = 0

    /** The end of the call; `null` = it has not ended. */
    var end: String? = null
}

/** A host whose attempts are answered by a script, step by step; its waits are those of the real host. */
internal class TorturedHost(
    private val real: OkHttpHost,
    private val world: World,
    private val server: ScriptedServer,
    private val plan: Plan,
    private val caller: Caller,
) : OkHttpHost {
    override suspend fun send(attempt: Attempt<Request>): OkHttpReply {
        return sending {
            plan.step("send", caller)
            world.pass(LATENCY)
            if (caller.cancelled) caller.undead++
            val item = server.answer(world.clock.now(), attempt.nativeRequest())
            plan.step("sent", caller)
            arrive(item, attempt)
        }
    }

    private inline fun sending(work: () -> OkHttpReply): OkHttpReply =
        try {
            work()
        } catch (mine: CancellationException) {
            throw mine
        } catch (refused: RuntimeException) {
            throw Broken(Fault.REFUSED, refused)
        } catch (broken: IOException) {
            if (broken is Broken || Thread.currentThread().isInterrupted) throw broken
            throw Broken(Fault.LOST, broken)
        }

    private suspend fun arrive(item: JsonObject, attempt: Attempt<Request>): OkHttpReply {
        val fault = item.text("fault")
        val delay = item["delay"]?.jsonPrimitive?.long ?: 0
        val limit = if (attempt.timeoutMs == 0L) Long.MAX_VALUE else maxOf(1, attempt.timeoutMs - LATENCY)
        if (delay > 0) world.pass(minOf(delay, limit))
        if (delay > limit || fault == "stall-headers") throw late(limit - minOf(delay, limit))
        ENDS[fault]?.let { throw Broken(it, IOException(fault)) }
        val status = item["status"]?.jsonPrimitive?.long?.toInt() ?: 200
        val buffered = !attempt.streamed && status < Reply.FIRST_ERROR
        plan.step("headers", caller)
        if (buffered && fault == "stall-body") throw late(limit - delay)
        if (buffered && fault in CUT) throw Broken(Fault.TRUNCATED, IOException(fault))
        if (buffered && fault == "endless") throw Broken(Fault.TOO_LARGE, TooLarge(0))
        if (buffered) {
            world.pass(1)
            plan.step("body", caller)
            return OkHttpReply(status, headers(item), body(item), null)
        }
        return OkHttpReply(status, headers(item), null, opened(item, status, attempt))
    }

    private suspend fun late(leftMs: Long): Broken {
        world.pass(minOf(leftMs, FOREVER))
        return Broken(Fault.TIMEOUT, IOException("timeout"))
    }

    private fun opened(item: JsonObject, status: Int, attempt: Attempt<Request>): Response {
        plan.open++
        val body = Buffer().write(body(item))
        val watched =
            object : ForwardingSource(body) {
                private var closed = false

                override fun close() {
                    if (closed) return
                    closed = true
                    plan.open--
                    plan.told("close")
                }
            }.buffer()
        val lent =
            object : ResponseBody() {
                override fun contentLength(): Long = body.size

                override fun contentType(): MediaType? = null

                override fun source(): BufferedSource = watched
            }
        return Response.Builder().request(attempt.nativeRequest()).protocol(Protocol.HTTP_1_1).code(status).message("")
            .headers(headers(item)).body(lent).build()
    }

    override suspend fun retain(reply: OkHttpReply, most: Long, withinMs: Long): ByteArray =
        reply.bytes ?: read("keep", reply)

    override suspend fun whole(reply: OkHttpReply, most: Long): ByteArray = reply.bytes ?: read("whole", reply)

    private suspend fun read(name: String, reply: OkHttpReply): ByteArray {
        plan.step("$name begins", caller)
        world.pass(1)
        plan.step("$name ends", caller)
        return checkNotNull(reply.open).peekBody(Driver.MOST_RETAINED).bytes()
    }

    override suspend fun pause(waiter: Waiter, ms: Long, parked: Boolean): Boolean {
        plan.step("rest begins", caller)
        // All time is virtual here, that of the other calls too.
        return real.pause(waiter, ms, parked = false).also { plan.step("rest ends", caller) }
    }

    override suspend fun <T> ask(withinMs: Long, function: suspend () -> T): T {
        plan.step("ask begins", caller)
        return real.ask(0, function).also { plan.step("ask ends", caller) }
    }

    private companion object {
        /** Longer than the harm that comes soon. */
        const val LATENCY = 3L
        const val FOREVER = 600_000L
        val ENDS =
            mapOf(
                "reset-before" to Fault.LOST,
                "reset-after" to Fault.LOST,
                "reset-idle" to Fault.LOST,
                "close" to Fault.LOST,
                "garbage" to Fault.LOST,
                "huge-header" to Fault.LOST,
                "many-headers" to Fault.LOST,
                "refuse" to Fault.UNSENT,
            )
        val CUT = setOf("truncate", "cut-chunk")

        fun headers(item: JsonObject): Headers =
            Headers.Builder().apply {
                for ((name, value) in item["headers"]?.jsonObject.orEmpty()) {
                    val lines: List<JsonElement> = (value as? kotlinx.serialization.json.JsonArray) ?: listOf(value)
                    for (line in lines) (line as? JsonPrimitive)?.let { addUnsafeNonAscii(name, it.content) }
                }
            }.build()

        fun body(item: JsonObject): ByteArray =
            item["json"]?.toString()?.encodeToByteArray()
                ?: (item["body"] as? JsonPrimitive)?.contentOrNull?.encodeToByteArray()
                ?: "{}".encodeToByteArray()
    }
}
