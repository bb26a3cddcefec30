package dev.unruffled.bench

import dev.unruffled.Policy
import dev.unruffled.Unruffled
import okhttp3.OkHttpClient

/** Measures calls a second and p99 with [MANY] callers, beside bare OkHttp. */
internal fun throughput(effort: Effort) {
    val table = "JVM: $MANY threads on loopback"
    LoopbackServer().use { server ->
        val http = OkHttpClient()
        val client = Unruffled.client(Policy.fromUrl(server.base))
        val url = "${server.base}/orders/7"
        val contenders =
            listOf(
                Contender(BLOCKING, null) { http.fetch(url) },
                Contender("unruffled, blocking", BLOCKING) { client.blocking.get("/orders/{id}") { path("id", 7) }.bytes },
                Contender(SUSPENDING, null) { http.await(url) },
                Contender("unruffled, suspending", SUSPENDING) { client.get("/orders/{id}") { path("id", 7) }.bytes },
            )
        val rates = contenders.associateWith { mutableListOf<Double>() }
        val calls = contenders.associateWith { mutableListOf<LongArray>() }
        repeat(1 + effort.rounds) { round ->
            for (contender in contenders) {
                val begun = System.nanoTime()
                val times = together(MANY, CALLS, contender.call)
                val seconds = (System.nanoTime() - begun) / 1e9
                if (round == 0) continue
                rates.getValue(contender) += times.size / seconds
                calls.getValue(contender) += times
            }
        }
        for (contender in contenders) {
            report(table, contender.name, "calls/s", rates.getValue(contender), "1/s")
            reportCalls(table, contender.name, "p99", calls.getValue(contender), percent = 99)
        }
        for (contender in contenders.filter { it.bare != null }) {
            val bare = rates.getValue(contenders.first { it.name == contender.bare })
            val shares = rates.getValue(contender).zip(bare) { mine, other -> 100 * mine / other }
            report(table, contender.name, "of bare", shares, "%")
        }
        client.close()
    }
}

private const val CALLS = 1_000
