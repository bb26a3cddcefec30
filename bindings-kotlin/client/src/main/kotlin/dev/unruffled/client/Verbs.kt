package dev.unruffled.client

import dev.unruffled.ApiResponse
import dev.unruffled.CallException
import dev.unruffled.Outcome
import dev.unruffled.Reason
import dev.unruffled.StatusException
import dev.unruffled.core.Report
import dev.unruffled.core.Word
import dev.unruffled.driver.Driver
import dev.unruffled.driver.Ended
import dev.unruffled.driver.Engine
import dev.unruffled.driver.Outgoing
import dev.unruffled.driver.Reply
import dev.unruffled.driver.TooLarge
import dev.unruffled.http.Answer
import dev.unruffled.http.OkHost
import okhttp3.Request
import okhttp3.Response
import java.io.IOException

/** The verbs of a client over one host: what [dev.unruffled.Client] and its blocking twin have in common. */
internal class Verbs(private val engine: Engine, private val calls: Calls, private val host: OkHost) {
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
        val outgoing = calls.prepare(method, target, options, streamed = false, host)
        val ended = driver.run(outgoing)
        val reply = ended.reply
        val raised = options.raise && (reply.status >= Reply.FIRST_ERROR || ended.failure != null)
        val bytes =
            reply.bytes ?: reply.use {
                if (raised) {
                    host.keep(it, Driver.MOST_KEPT, Driver.MOST_WAIT)
                } else {
                    whole(it, engine.settings.routes[outgoing.route].maxBody)
                }
            }
        val answer = ApiResponse(reply.status, reply.headers, bytes, ended.maybeApplied, calls.json, ended.story(engine))
        if (raised) throw StatusException(ended.failure ?: rejected(outgoing, ended, answer), answer)
        return answer
    }

    /** The whole body of a final answer. A status of 400 or above is one even if its body cannot be read or unpacked. */
    private suspend fun whole(reply: Answer, most: Long): ByteArray =
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
        val outgoing = calls.prepare(method, target, options, streamed = true, host)
        val ended = driver.run(outgoing)
        val reply = ended.reply
        val open = reply.open
        if (reply.status < Reply.FIRST_ERROR && ended.failure == null && open != null) return open
        val bytes = reply.bytes ?: reply.use { host.keep(it, Driver.MOST_KEPT, Driver.MOST_WAIT) }
        val answer = ApiResponse(reply.status, reply.headers, bytes, ended.maybeApplied, calls.json, ended.story(engine))
        throw StatusException(ended.failure ?: rejected(outgoing, ended, answer), answer)
    }

    private fun rejected(outgoing: Outgoing<Request>, ended: Ended<Answer>, answer: ApiResponse): CallException {
        val report = if (Word.has(ended.word, Word.REPORT)) engine.report(ended.call) else null
        val dropped = report == null && Word.has(ended.word, Word.REPORT)
        val told = report ?: if (dropped) null else Report.read(engine.core.brief(ended.reply.status, ended.elapsed))
        val outcome = Driver.OUTCOMES.getOrElse(Word.arg(ended.word).toInt()) { Outcome.UNKNOWN }
        return CallException(
            Reason.STATUS,
            outcome,
            null,
            null,
            told?.attempts ?: 1,
            told?.elapsed ?: ended.elapsed,
            answer.status,
            "${outgoing.label(engine.settings)}: " + (told?.message ?: "${answer.status} (outcome ${outcome.text}). ${Report.DROPPED}"),
            Report.text(ended.word, told),
            null,
        )
    }
}
