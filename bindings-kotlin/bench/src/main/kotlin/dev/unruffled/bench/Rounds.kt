package dev.unruffled.bench

import kotlinx.coroutines.runBlocking
import java.util.Locale
import java.util.concurrent.CyclicBarrier
import kotlin.concurrent.thread

/** One thing that is measured. [bare] is the name of the contender that it is compared with; `null` = none. */
internal class Contender(val name: String, val bare: String?, val call: suspend () -> Unit)

/** How long to measure: rounds of all, rounds before that are not counted, fresh processes. */
internal enum class Effort(val rounds: Int, val warm: Int, val processes: Int) {
    QUICK(2, 1, 1),
    WHOLE(15, 6, 7),
}

/** Writes the number of each round as one line of JSON on standard output; everything else goes to standard error. */
internal fun report(table: String, row: String, column: String, rounds: List<Double>, unit: String) =
    print(table, row, column, unit, "\"rounds\":[${rounds.joinToString(",") { "%.3f".format(Locale.ROOT, it) }}]")

/** Writes the times of the single calls of each round, in µs; [percent] names the quantile that is a round's number. */
internal fun reportCalls(
    table: String,
    row: String,
    column: String,
    rounds: List<LongArray>,
    less: List<LongArray> = emptyList(),
    percent: Int = 50,
) = print(table, row, column, "µs", "\"rounds\":${micros(rounds)},\"less\":${micros(less)},\"percent\":$percent")

private fun print(table: String, row: String, column: String, unit: String, measured: String) =
    println("""{"table":"$table","row":"$row","column":"$column",$measured,"unit":"$unit"}""")

private fun micros(rounds: List<LongArray>): String =
    rounds.joinToString(",", "[", "]") { calls -> calls.joinToString(",", "[", "]") { (it / 1e3).toString() } }

/**
 * Lets [contenders] take turns: in each round every one makes [calls] calls on each of [threads] threads, so that a busy
 * machine slows all alike. For each of them the times of its single calls in ns, by rounds.
 */
internal fun rounds(
    contenders: List<Contender>,
    threads: Int,
    calls: Int,
    warm: Int,
    counted: Int,
): Map<String, List<LongArray>> {
    val rounds = contenders.associate { it.name to mutableListOf<LongArray>() }
    repeat(warm + counted) { round ->
        for (contender in contenders) {
            val times = together(threads, calls, contender.call)
            if (round >= warm) rounds.getValue(contender.name) += times
        }
    }
    return rounds
}

/** Reports what each contender adds to the one that it is compared with, and the time itself where there is none. */
internal fun reportAdded(
    table: String,
    column: String,
    contenders: List<Contender>,
    rounds: Map<String, List<LongArray>>,
) {
    for (contender in contenders) {
        val less = contender.bare?.let(rounds::getValue).orEmpty()
        reportCalls(table, contender.name, column, rounds.getValue(contender.name), less)
    }
}

/** The times of all calls in ns, made by threads that begin at one moment. */
internal fun together(threads: Int, calls: Int, call: suspend () -> Unit): LongArray {
    if (threads == 1) return timed(calls, call)
    val times = arrayOfNulls<LongArray>(threads)
    val start = CyclicBarrier(threads)
    List(threads) {
        thread {
            start.await()
            times[it] = timed(calls, call)
        }
    }.forEach { it.join() }
    return times.filterNotNull().fold(LongArray(0)) { all, each -> all + each }
}

private fun timed(calls: Int, call: suspend () -> Unit): LongArray =
    runBlocking {
        LongArray(calls) {
            val start = System.nanoTime()
            call()
            System.nanoTime() - start
        }
    }
