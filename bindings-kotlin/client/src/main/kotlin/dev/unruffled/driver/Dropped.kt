package dev.unruffled.driver

import dev.unruffled.core.Core
import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.util.Collections
import java.util.concurrent.ConcurrentHashMap

/**
 * Engines that nobody closed. Once the collector has found one, its native side is freed when the next engine is opened: no
 * thread waits for that, and what is never freed is at most what was dropped last. A call that is still alive holds its
 * engine.
 */
internal object Dropped {
    private val queue = ReferenceQueue<Any>()

    /** A reference that is itself dropped is never told of. */
    private val watched: MutableSet<Watched> = Collections.newSetFromMap(ConcurrentHashMap())

    /** What stands for [engine] until it is released. */
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
