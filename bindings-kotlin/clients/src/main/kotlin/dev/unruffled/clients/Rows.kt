package dev.unruffled.clients

import java.util.Properties

/** Every client, in the order of the table. */
internal val ROWS: List<Row> =
    listOf(
        OkHttpRow,
        InterceptorRow,
        OpenTelemetryRow,
        RetrofitRow.SUSPENDING,
        RetrofitRow.BLOCKING,
        ApolloRow,
        OpenApiRow,
        KtorRow.CIO,
        KtorRow.OKHTTP,
        KtorRow.INTERCEPTOR,
    )

/** Returns the version of a client as the build pins it: `versions.properties`. */
internal fun versionOf(client: String): String = Versions.all.getProperty(client)

private object Versions {
    val all = Properties().apply { Versions::class.java.getResourceAsStream("/versions.properties")!!.use(::load) }
}
