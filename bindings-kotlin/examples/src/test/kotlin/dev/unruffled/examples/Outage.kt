package dev.unruffled.examples

import dev.unruffled.CallException
import dev.unruffled.Policy
import dev.unruffled.PolicyException
import dev.unruffled.Unruffled
import okhttp3.OkHttpClient
import okhttp3.Request
import java.io.IOException
import java.net.ServerSocket

/** A program that uses every way to the native library. It runs from the jar and after shrinking. */
object Outage {
    /** Calls a closed port. Returns one line: the policy's issue, the reason, the outcome, the attempts. */
    fun play(): String {
        val issue =
            try {
                Unruffled.client(Policy.fromString("""{"retyr": {}}""")).use { "none" }
            } catch (wrong: PolicyException) {
                wrong.issues.single().path
            }
        val port = ServerSocket(0).use { it.localPort }
        val policy = """{"baseUrl": "http://127.0.0.1:$port", "retry": {"attempts": 2, "base": "10ms"}}"""
        Unruffled.client(Policy.fromString(policy)).use { client ->
            val events = mutableListOf<String>()
            client.on { events += it.kind }
            try {
                client.blocking.get("/orders/{id}") { path("id", 7) }
            } catch (e: CallException) {
                check(e.explain().isNotEmpty()) { "no table" }
                check("attempt" in events) { "no events: $events" }
                check(client.snapshot()["attempts"] == 2L) { "${client.snapshot()}" }
                check("retries-exhausted" in dropIns(policy, port)) { "no account" }
                return "$issue ${e.reason.text} ${e.outcome.text} ${e.attempts}"
            }
        }
        return "$issue answered"
    }

    /** Does the same through a call factory over a client with an interceptor. Returns how the calls ended. */
    private fun dropIns(policy: String, port: Int): String =
        Unruffled.interceptor(Policy.fromString(policy)).use { interceptor ->
            val client = OkHttpClient.Builder().addInterceptor(interceptor).build()
            Unruffled.callFactory(Policy.fromString(policy), client).use { calls ->
                val call = calls.newCall(Request.Builder().url("http://127.0.0.1:$port").build())
                try {
                    call.execute().use { "answered" }
                } catch (refused: IOException) {
                    calls.explain(refused)
                }
            }
        }

    /** The line that it prints. */
    const val EXPECTED = "retyr retries-exhausted not-sent 2"

    @JvmStatic
    fun main(arguments: Array<String>) {
        println(play())
    }
}
