package dev.unruffled.client

import dev.unruffled.ApiResponse
import dev.unruffled.CallException
import dev.unruffled.CallOptions
import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.StatusException
import dev.unruffled.core.Report
import dev.unruffled.core.StepFlag
import dev.unruffled.core.StepWord
import dev.unruffled.driver.CallResult
import dev.unruffled.driver.Driver
import dev.unruffled.driver.Engine
import dev.unruffled.driver.PreparedCall
import dev.unruffled.driver.Reply
import dev.unruffled.driver.TooLarge
import dev.unruffled.http.OkHttpHost
import dev.unruffled.http.OkHttpReply
import okhttp3.Request
import okhttp3.Response
import java.io.IOException

/** The verbs of a client over one host: what [dev.unruffled.Client] and its blocking twin have in common. */
internal class Verbs(private val engine: Engine, private val calls: Calls, private val host: OkHttpHost) {
    private val driver = Driver(engine, host)

    /**
     * Makes a call whose answer is whole.
     *
     * @throws StatusException for a status of 400 or above, unless the options say otherwise.
     */
    suspend fun answer(
        method: String,
        target: String,
        options: CallOptions,
    ): ApiResponse {
        val prepared = calls.prepare(method, target, options, streamed = false, host)
        val ended = driver.run(prepared)
        val reply = ended.reply
        val raised = options.raise && (reply.status >= Reply.FIRST_ERROR || ended.failure != null)
        val bytes =
            reply.bytes ?: reply.use {
                if (raised) {
                    host.retain(it, Driver.MOST_RETAINED, Driver.MOST_WAIT)
                } else {
                    whole(it, engine.settings.routes[prepared.route].maxBody)
                }
            }
        val answer = ApiResponse(reply.status, reply.headers, bytes, ended.maybeApplied, calls.json, ended.explanation(engine))
        if (raised) throw StatusException(ended.failure ?: rejected(prepared, ended, answer), answer)
        return answer
    }

    /**
     * Reads the whole body of a final answer. From 400 on the status counts even if the body cannot be read or
     * unpacked.
     */
    private suspend fun whole(reply: OkHttpReply, most: Long): ByteArray =
        try {
            host.whole(reply, most)
        } catch (broken: IOException) {
            if (reply.status < Reply.FIRST_ERROR || broken is TooLarge || Thread.currentThread().isInterrupted) throw broken
            Driver.NOTHING
        }

    /**
     * Makes a call whose answer stays open: OkHttp's response as soon as its headers are there.
     *
     * @throws StatusException for a status of 400 or above.
     */
    suspend fun open(
        method: String,
        target: String,
        options: CallOptions,
    ): Response {
        val prepared = calls.prepare(method, target, options, streamed = true, host)
        val ended = driver.run(prepared)
        val reply = ended.reply
        val open = reply.open
        if (reply.status < Reply.FIRST_ERROR && ended.failure == null && open != null) return open
        val bytes = reply.bytes ?: reply.use { host.retain(it, Driver.MOST_RETAINED, Driver.MOST_WAIT) }
        val answer = ApiResponse(reply.status, reply.headers, bytes, ended.maybeApplied, calls.json, ended.explanation(engine))
        throw StatusException(ended.failure ?: rejected(prepared, ended, answer), answer)
    }

    private fun rejected(prepared: PreparedCall<Request>, ended: CallResult<OkHttpReply>, answer: ApiResponse): CallException {
        val report = if (StepWord.has(ended.word, StepFlag.REPORT)) engine.report(ended.call) else null
        val dropped = report == null && StepWord.has(ended.word, StepFlag.REPORT)
        val known = report ?: if (dropped) null else Report.read(engine.core.brief(ended.reply.status, ended.elapsed))
        val outcome = Driver.OUTCOMES.getOrElse(StepWord.arg(ended.word).toInt()) { Outcome.UNKNOWN }
        return CallException(
            Reason.STATUS,
            outcome,
            null,
            null,
            known?.attempts ?: 1,
            known?.elapsed ?: ended.elapsed,
            answer.status,
            "${prepared.label(engine.settings)}: " + (known?.message ?: "${answer.status} (outcome ${outcome.text}). ${Report.DROPPED}"),
            Report.text(ended.word, known),
            null,
        )
    }
}
