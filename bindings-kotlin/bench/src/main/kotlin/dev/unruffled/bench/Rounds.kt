package dev.unruffled.bench

import kotlinx.coroutines.runBlocking
import java.util.Locale
import java.util.concurrent.CyclicBarrier
import kotlin.concurrent.thread

/** Something that is called over and over. [bare]: the name of what it is compared with; `null`: with nothing. */
internal class Contender(val name: String, val bare: String?, val call: suspend () -> Unit)

/** How long to measure: rounds of all, rounds before that are not counted, fresh processes. */
internal enum class Effort(val rounds: Int, val warm: Int, val processes: Int) {
    QUICK(2, 1, 1),
    WHOLE(15, 6, 7),
}

/** A median and half the distance between the quartiles around it. */
internal class Figure(values: List<Double>) {
    private val sorted = values.sorted()

    val median: Double = quantile(0.5)
    val spread: Double = (quantile(0.75) - quantile(0.25)) / 2

    private fun quantile(share: Double): Double = sorted[((sorted.size - 1) * share).toInt()]
}

/** One line of JSON on standard output; everything else goes to standard error. */
internal fun report(table: String, row: String, column: String, figure: Figure, unit: String) {
    val numbers = "%.3f,\"spread\":%.3f".format(Locale.ROOT, figure.median, figure.spread)
    println("""{"table":"$table","row":"$row","column":"$column","value":$numbers,"unit":"$unit"}""")
}

/**
 * Lets [contenders] take turns: in each round every one makes [calls] calls on each of [threads] threads, so that a busy
 * machine slows all alike. For each of them the medians of its single calls, one a round, in µs.
 */
internal fun rounds(
    contenders: List<Contender>,
    threads: Int,
    calls: Int,
    warm: Int,
    counted: Int,
): Map<String, List<Double>> {
    val medians = contenders.associate { it.name to mutableListOf<Double>() }
    repeat(warm + counted) { round ->
        for (contender in contenders) {
            val median = median(together(threads, calls, contender.call))
            if (round >= warm) medians.getValue(contender.name) += median
        }
    }
    return medians
}

/** Tells for each contender what it adds to the one that it is compared with, and for those the time itself. */
internal fun reportAdded(table: String, column: String, contenders: List<Contender>, medians: Map<String, List<Double>>) {
    for (contender in contenders) {
        val own = medians.getValue(contender.name)
        val other = contender.bare?.let(medians::getValue)
        val added = if (other == null) own else own.zip(other) { mine, bare -> mine - bare }
        report(table, contender.name, column, Figure(added), "µs")
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

/** In µs. */
internal fun quantile(times: LongArray, share: Double): Double {
    val sorted = times.copyOf().apply { sort() }
    return sorted[((sorted.size - 1) * share).toInt()] / 1e3
}

internal fun median(times: LongArray): Double = quantile(times, 0.5)
