package dev.unruffled.under

import okhttp3.Call
import okhttp3.Callback
import okhttp3.Response
import java.io.IOException
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext

/** Reports the end of an enqueued call to its callback, as OkHttp does. */
internal class CallbackContinuation(private val call: Call, private val callback: Callback) : Continuation<Response> {
    override val context: CoroutineContext get() = EmptyCoroutineContext

    override fun resumeWith(result: Result<Response>) {
        when (val error = result.exceptionOrNull()) {
            null ->
                try {
                    callback.onResponse(call, result.getOrThrow())
                } catch (_: IOException) {
                    // The callback has received the answer. OkHttp only logs what it throws then.
                }
            is IOException -> callback.onFailure(call, error)
            else -> {
                callback.onFailure(call, IOException("canceled due to $error").apply { addSuppressed(error) })
                throw error
            }
        }
    }
}
