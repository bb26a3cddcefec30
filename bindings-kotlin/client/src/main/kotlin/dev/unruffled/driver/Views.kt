package dev.unruffled.driver

import dev.unruffled.core.CallMistake
import dev.unruffled.core.Core
import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.util.Collections
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicLong

/**
 * The credentials of a client's views. Each has a name of its own in the core, which is never given twice, from its first
 * call on. Once the collector has found one, its scopes are freed when the next one begins: a view, a call that is alive
 * and a refresh under way hold theirs.
 */
internal class Views(private val core: Core, private val clock: Clock) {
    private val queue = ReferenceQueue<Any>()

    /** Keeps the references reachable: a collected reference is never enqueued. */
    private val begun: MutableSet<Scopes> = Collections.newSetFromMap(ConcurrentHashMap())
    private val names = AtomicLong()

    /** The core's numbers of one credential at the origins where it was used. */
    inner class Scopes(credential: Any, homeOrigin: String) : PhantomReference<Any>(credential, queue) {
        private val name = "view-${names.incrementAndGet()}"

        /** At the base URL's origin. */
        val home: Int = core.scope(homeOrigin, name)
        private val scopes = hashMapOf(homeOrigin to home)

        fun at(origin: String): Int = synchronized(scopes) { scopes.getOrPut(origin) { core.scope(origin, name) } }

        fun free() {
            if (!begun.remove(this)) return
            synchronized(scopes) { scopes.values.forEach { core.free(clock.now(), it) } }
        }
    }

    /** @throws CallMistake if there are too many of them that are still in use. */
    @Synchronized
    fun begin(credential: Any, homeOrigin: String): Scopes {
        freeDropped()
        if (begun.size >= MOST) {
            // The collector had no reason yet to look for them.
            System.gc()
            (queue.remove(COLLECTING_MS) as Scopes?)?.free()
            freeDropped()
        }
        if (begun.size >= MOST) throw CallMistake("$MOST views with credentials of their own are in use; drop some")
        return Scopes(credential, homeOrigin).also { begun += it }
    }

    private fun freeDropped() {
        while (true) {
            val dropped = queue.poll() as Scopes? ?: return
            dropped.free()
        }
    }

    private companion object {
        /** The core has 10,000 credentials; the client's own is one of them. */
        const val MOST = 9_999
        const val COLLECTING_MS = 1_000L
    }
}
