package dev.unruffled.driver

import dev.unruffled.core.Core
import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.util.Collections
import java.util.concurrent.ConcurrentHashMap

/**
 * Releases engines that were garbage collected without a close. Their native side is freed when the next engine is opened, so
 * that no thread has to wait for the collector. A call that is alive keeps its engine reachable.
 */
internal object EngineCleaner {
    private val queue = ReferenceQueue<Any>()

    /** Keeps the references reachable: a collected reference is never enqueued. */
    private val watched: MutableSet<Watched> = Collections.newSetFromMap(ConcurrentHashMap())

    /** The handle of [engine] until it is released. */
    class Watched(engine: Any, private val core: Core) : PhantomReference<Any>(engine, queue) {
        fun release() {
            if (watched.remove(this)) core.release()
        }
    }

    fun watch(engine: Any, core: Core): Watched {
        while (true) {
            val dropped = queue.poll() as Watched? ?: break
            dropped.release()
        }
        return Watched(engine, core).also { watched += it }
    }
}
