package dev.unruffled.ktor

import io.ktor.client.HttpClient
import io.ktor.client.call.HttpClientCall
import io.ktor.client.call.replaceResponse
import io.ktor.client.statement.HttpReceivePipeline
import io.ktor.util.AttributeKey
import io.ktor.util.pipeline.PipelinePhase
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.InternalAPI
import io.ktor.utils.io.cancel
import io.ktor.utils.io.readAvailable
import io.ktor.utils.io.writeFully
import io.ktor.utils.io.writer
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.withTimeoutOrNull
import java.net.SocketTimeoutException

/**
 * Ends a body that is silent for too long, on the engine's own clock, not the caller's: sockets have real time. It stands
 * below whatever reads the body, Ktor's own saving of it included, so that a silent one that is read whole is a failed
 * attempt.
 */
internal object Silence {
    /** How long the bodies of an attempt may be silent, in milliseconds. */
    val LIMIT: AttributeKey<Long> = AttributeKey("unruffled idle")

    fun watch(client: HttpClient) {
        val first = PipelinePhase("UnruffledSilence")
        client.receivePipeline.insertPhaseBefore(HttpReceivePipeline.Before, first)
        client.receivePipeline.intercept(first) { response ->
            val ms = response.call.attributes.getOrNull(LIMIT) ?: return@intercept
            proceedWith(response.call.pumped(NOTHING, ms).response)
        }
    }

    private val NOTHING = ByteArray(0)
}

/** Remembers an answer of 400 or above when its head comes: a body that cannot be read or unpacked must not lose the status. */
internal object Heads {
    private const val FIRST_REDIRECT = 300
    private const val FIRST_ERROR = 400

    fun watch(client: HttpClient) {
        val first = PipelinePhase("UnruffledHead")
        client.receivePipeline.insertPhaseBefore(HttpReceivePipeline.Before, first)
        client.receivePipeline.intercept(first) { response ->
            val status = response.status.value
            if (status >= FIRST_REDIRECT) {
                val record = response.call.attributes.getOrNull(RECORD)
                if (status >= FIRST_ERROR) record?.head = response.call else record?.followed = true
            }
        }
    }
}

/** A copy of the call whose body begins with [start], which was read before; [idleMs] 0 = no limit. */
@OptIn(InternalAPI::class)
internal fun HttpClientCall.pumped(start: ByteArray, idleMs: Long = 0): HttpClientCall {
    val body = response.rawContent
    val pump by lazy {
        CoroutineScope(coroutineContext).writer {
            channel.writeFully(start)
            val piece = ByteArray(PIECE)
            while (true) {
                val size = body.next(piece, idleMs)
                if (size < 0) break
                channel.writeFully(piece, 0, size)
                channel.flush()
            }
            body.closedCause?.let { throw it }
        }.channel
    }
    return replaceResponse { pump }
}

private suspend fun ByteReadChannel.next(piece: ByteArray, idleMs: Long): Int {
    if (idleMs == 0L) return readAvailable(piece)
    withTimeoutOrNull(idleMs) { readAvailable(piece) }?.let { return it }
    val silent = SocketTimeoutException("the body was silent for $idleMs ms")
    cancel(silent)
    throw silent
}

private const val PIECE = 8_192
