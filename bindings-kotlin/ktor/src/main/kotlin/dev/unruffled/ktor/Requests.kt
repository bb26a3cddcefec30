package dev.unruffled.ktor

import io.ktor.client.HttpClient
import io.ktor.client.content.LocalFileContent
import io.ktor.client.content.ObservableContent
import io.ktor.client.plugins.HttpRequestRetry
import io.ktor.client.plugins.pluginOrNull
import io.ktor.client.plugins.sse.SSEClientContent
import io.ktor.client.request.ClientUpgradeContent
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.request.forms.MultiPartFormDataContent
import io.ktor.http.URLProtocol
import io.ktor.http.content.OutgoingContent
import io.ktor.http.content.PartData
import io.ktor.http.encodedPath
import io.ktor.http.isWebsocket
import io.ktor.util.AttributeKey
import io.ktor.utils.io.InternalAPI

// The properties of Ktor's requests that the core needs.

/** The connection changes its protocol: nothing for us. */
@OptIn(InternalAPI::class)
internal fun HttpRequestBuilder.isUpgrade(): Boolean = url.protocol.isWebsocket() || body is ClientUpgradeContent

/** Ktor's own reader of events takes the answer over. */
@OptIn(InternalAPI::class)
internal fun HttpRequestBuilder.isSession(): Boolean = body is SSEClientContent

/** `https://api.example.com`, with the port unless it is the scheme's own. */
internal fun HttpRequestBuilder.origin(): String = origin(url.protocol, url.host, url.port)

internal fun origin(protocol: URLProtocol, named: String, port: Int): String {
    val host = named.lowercase()
    return if (port == 0 ||
        port == protocol.defaultPort
    ) {
        "${protocol.name}://$host"
    } else {
        "${protocol.name}://$host:$port"
    }
}

/** Encoded, from its slash, without query. */
internal fun HttpRequestBuilder.path(): String = url.encodedPath.ifEmpty { "/" }

/** Returns the size of a body whose upload cannot be watched: only the engine sees its progress. */
internal fun HttpRequestBuilder.uploadBytes(): Long = (body as? OutgoingContent)?.contentLength ?: 0

internal fun HttpRequestBuilder.isRepeatable(): Boolean = (body as? OutgoingContent)?.isRepeatable() == true

/** Whether a body can be sent again byte for byte. Channels, streams and writers are read once. */
@OptIn(InternalAPI::class)
private fun OutgoingContent.isRepeatable(): Boolean =
    when (this) {
        is OutgoingContent.ByteArrayContent, is OutgoingContent.NoContent, is LocalFileContent -> true
        is OutgoingContent.ContentWrapper -> delegate().isRepeatable()
        is ObservableContent -> delegate.isRepeatable()
        is MultiPartFormDataContent -> hasOwnBytes()
        else -> false
    }

/**
 * Parts made from texts, bytes and Ktor's own sources begin anew each time. Those of a function of the caller's may hand out
 * the same stream twice, and differ from these only by the class of the function.
 */
@OptIn(InternalAPI::class)
private fun MultiPartFormDataContent.hasOwnBytes(): Boolean =
    parts.all { part ->
        part is PartData.FormItem ||
            (part is PartData.BinaryItem && part.provider.javaClass.name.startsWith("io.ktor.client.request.forms."))
    }

/** Ktor's own retries are on for this call: two loops on top of each other would multiply attempts. */
internal fun HttpRequestBuilder.isRetriedBy(client: HttpClient): Boolean =
    client.pluginOrNull(HttpRequestRetry) != null && (attributes.getOrNull(RETRIES) ?: 0) > 0

/** Where that plugin keeps how often it would. */
private val RETRIES: AttributeKey<Int> = AttributeKey("MaxRetriesPerRequestAttributeKey")
