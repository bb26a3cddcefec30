package dev.unruffled.driver

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.asCoroutineDispatcher
import java.util.concurrent.ExecutorService
import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger

/**
 * Threads of our own, as many as there is work: the core limits that. They end by themselves and hold no process. On a
 * dispatcher of the program's all threads may be blocked by calls, which would then wait for what waits for them.
 */
internal class DaemonThreads {
    private val count = AtomicInteger()

    val executor: ExecutorService =
        ThreadPoolExecutor(0, Int.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, SynchronousQueue()) { work ->
            Thread(work, "unruffled ${count.incrementAndGet()}").apply { isDaemon = true }
        }

    val dispatcher: CoroutineDispatcher = executor.asCoroutineDispatcher()

    private companion object {
        const val IDLE_SECONDS = 10L
    }
}
