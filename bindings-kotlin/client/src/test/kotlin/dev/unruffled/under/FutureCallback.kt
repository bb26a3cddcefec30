package dev.unruffled.under

import okhttp3.Call
import okhttp3.Callback
import okhttp3.Response
import java.io.IOException
import java.util.concurrent.CompletableFuture

/** A callback that completes a future with the end of an enqueued call. */
internal class FutureCallback(private val future: CompletableFuture<Response>) : Callback {
    override fun onFailure(call: Call, e: IOException) {
        future.completeExceptionally(e)
    }

    override fun onResponse(call: Call, response: Response) {
        future.complete(response)
    }
}
