package dev.unruffled.http

import okhttp3.Interceptor
import okhttp3.Response
import java.io.IOException

/** An interceptor of the caller's threw: no fault of the network. OkHttp takes only IOExceptions without harm. */
internal class InterceptorFailure(override val cause: RuntimeException) : IOException(cause)

/** Wraps what the caller's interceptors throw. It is the first of them. */
internal object InterceptorGuard : Interceptor {
    override fun intercept(chain: Interceptor.Chain): Response =
        try {
            chain.proceed(chain.request())
        } catch (thrown: RuntimeException) {
            throw InterceptorFailure(thrown)
        }
}
