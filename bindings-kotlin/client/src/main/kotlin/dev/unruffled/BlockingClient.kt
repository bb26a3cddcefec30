package dev.unruffled

import dev.unruffled.client.Verbs
import dev.unruffled.http.onThisThread
import okhttp3.Response

/**
 * The verbs of [Client] for threads: each returns when the answer is whole, and waits on the caller's own thread. An
 * interrupt ends a call at once, or within 10 ms while it sits in a socket, as [java.io.InterruptedIOException]; the thread
 * stays interrupted. Not for Android's main thread.
 */
public class BlockingClient internal constructor(private val verbs: Verbs) {
    /** Makes a GET call to [target]. */
    public fun get(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("GET", target, options)

    /** Makes a GET call to [target] with the options that [configure] sets. */
    public inline fun get(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        get(target, CallOptions(configure))

    /** Makes a HEAD call to [target]. */
    public fun head(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("HEAD", target, options)

    /** Makes a HEAD call to [target] with the options that [configure] sets. */
    public inline fun head(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        head(target, CallOptions(configure))

    /** Makes a POST call to [target]. */
    public fun post(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("POST", target, options)

    /** Makes a POST call to [target] with the options that [configure] sets. */
    public inline fun post(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        post(target, CallOptions(configure))

    /** Makes a PUT call to [target]. */
    public fun put(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("PUT", target, options)

    /** Makes a PUT call to [target] with the options that [configure] sets. */
    public inline fun put(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        put(target, CallOptions(configure))

    /** Makes a PATCH call to [target]. */
    public fun patch(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("PATCH", target, options)

    /** Makes a PATCH call to [target] with the options that [configure] sets. */
    public inline fun patch(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        patch(target, CallOptions(configure))

    /** Makes a DELETE call to [target]. */
    public fun delete(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("DELETE", target, options)

    /** Makes a DELETE call to [target] with the options that [configure] sets. */
    public inline fun delete(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        delete(target, CallOptions(configure))

    /** Makes a QUERY call to [target]: a safe request with a body. */
    public fun query(target: String, options: CallOptions = CallOptions.NONE): ApiResponse = call("QUERY", target, options)

    /** Makes a QUERY call to [target] with the options that [configure] sets. */
    public inline fun query(target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        query(target, CallOptions(configure))

    /** Makes a call of any [method], upper case, to [target]. */
    public fun call(method: String, target: String, options: CallOptions = CallOptions.NONE): ApiResponse {
        refuseMainThread()
        return onThisThread { verbs.answer(method, target, options) }
    }

    /** Makes a call of any [method], upper case, to [target] with the options that [configure] sets. */
    public inline fun call(method: String, target: String, configure: CallOptions.Builder.() -> Unit): ApiResponse =
        call(method, target, CallOptions(configure))

    /**
     * Lends OkHttp's response to [use] as soon as its headers are there, and closes it afterwards. Once the headers are
     * there nothing is retried; the policy's `idle` limits the time between two pieces of the body. A status of 400 or
     * above is always thrown.
     */
    public fun <T> stream(
        target: String,
        options: CallOptions = CallOptions.NONE,
        method: String = "GET",
        use: (Response) -> T,
    ): T {
        refuseMainThread()
        return onThisThread { verbs.open(method, target, options) }.use(use)
    }

    private fun refuseMainThread() {
        check(!ANDROID || Thread.currentThread().name != "main") { "a blocking call on the main thread; use the suspending one" }
    }

    private companion object {
        val ANDROID = System.getProperty("java.vendor").orEmpty().contains("Android")
    }
}
