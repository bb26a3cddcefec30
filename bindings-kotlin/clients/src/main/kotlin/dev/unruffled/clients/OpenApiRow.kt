package dev.unruffled.clients

import dev.unruffled.clients.generated.apis.ThingApi
import dev.unruffled.clients.generated.infrastructure.ClientException
import dev.unruffled.clients.generated.infrastructure.ServerException
import dev.unruffled.clients.generated.models.Making
import dev.unruffled.clients.generated.models.Thing
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import okhttp3.OkHttpClient
import java.io.InterruptedIOException

/** What openapi-generator writes as `jvm-okhttp4` of src/main/openapi/thing.json. */
internal object OpenApiRow : Row {
    override val name = "openapi-generator"
    override val version = versionOf("openapi-generator")
    override val under = "callFactory()"

    override fun open(setup: Setup): Session {
        val client = setup.okHttp()
        return OpenApiSession(ThingApi(setup.base, setup.calls(client)), client)
    }
}

private class OpenApiSession(private val api: ThingApi, private val client: OkHttpClient) : Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = whole(turn) { api.readThing() }

    override suspend fun write(turn: Turn): Int {
        val op = ((turn.json as? JsonObject)?.get("op") as? JsonPrimitive)?.content
        return whole(turn) { api.makeThing(Making(op)) }
    }

    /** Runs a call. There is no call to cancel, so the waiting thread is interrupted. */
    private suspend fun whole(turn: Turn, call: () -> Thing): Int =
        turn.blocking {
            val thread = Thread.currentThread()
            turn.onCancel(thread::interrupt)
            val thing = call()
            if (thing.id != "r1") throw Wrong(thing.id)
            OK
        }

    override fun status(error: Throwable): Int? =
        when (error) {
            is ClientException -> error.statusCode
            is ServerException -> error.statusCode
            else -> null
        }

    override fun cancelled(error: Throwable): Boolean = error is InterruptedIOException && error.message == "interrupted"

    override fun close() = client.letGo()

    private companion object {
        const val OK = 200
    }
}
