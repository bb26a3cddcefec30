package dev.unruffled.http

import okhttp3.Protocol

/**
 * Finds an OkHttp 4 before OkHttp 5 on the class path. The artifact of 5 has another name (`okhttp-jvm`), so build tools add
 * both.
 */
internal object OkHttpVersion {
    /** @throws UnsupportedOperationException if classes come from the older one. */
    fun check() {
        try {
            isNew()
        } catch (old: LinkageError) {
            throw UnsupportedOperationException(
                "OkHttp 4 is on the class path beside OkHttp 5, and its classes are found first; exclude " +
                    "com.squareup.okhttp3:okhttp of a version below 5 from the library that brings it " +
                    "(mvn dependency:tree, or gradle dependencies, names it), or ask for version 5.4 of it",
                old,
            )
        }
    }

    /** Uses what OkHttp 4 does not have. */
    private fun isNew(): Boolean = Protocol.HTTP_3.ordinal > 0
}
