package dev.unruffled.clients

import com.apollographql.apollo.ApolloCall
import com.apollographql.apollo.ApolloClient
import com.apollographql.apollo.api.Adapter
import com.apollographql.apollo.api.CompiledField
import com.apollographql.apollo.api.CustomScalarAdapters
import com.apollographql.apollo.api.Mutation
import com.apollographql.apollo.api.ObjectType
import com.apollographql.apollo.api.Operation
import com.apollographql.apollo.api.Query
import com.apollographql.apollo.api.http.HttpMethod
import com.apollographql.apollo.api.json.JsonReader
import com.apollographql.apollo.api.json.JsonWriter
import com.apollographql.apollo.exception.ApolloHttpException
import com.apollographql.apollo.exception.ApolloNetworkException
import com.apollographql.apollo.network.http.DefaultHttpEngine
import com.apollographql.apollo.network.http.HttpNetworkTransport
import okhttp3.OkHttpClient

/** Apollo Kotlin: queries as GET, which its server may allow, so that they are safe to repeat; mutations as POST. */
internal object ApolloRow : Row {
    override val name = "apollo"
    override val version = versionOf("apollo")
    override val under = "callFactory()"

    override fun open(setup: Setup): Session {
        val http = setup.okHttp()
        val transport =
            HttpNetworkTransport.Builder()
                .serverUrl("${setup.base}/graphql")
                .httpEngine(DefaultHttpEngine(setup.calls(http)))
                .build()
        return ApolloSession(ApolloClient.Builder().networkTransport(transport).build(), http)
    }
}

private class ApolloSession(private val apollo: ApolloClient, private val http: OkHttpClient) : Session {
    override val renews get() = true

    override suspend fun read(turn: Turn): Int = whole(turn, apollo.query(ReadThing).httpMethod(HttpMethod.Get))

    override suspend fun write(turn: Turn): Int = whole(turn, apollo.mutation(MakeThing(turn.json.toString())))

    private suspend fun <D : Operation.Data> whole(turn: Turn, call: ApolloCall<D>): Int {
        turn.headers.forEach { (name, value) -> call.addHttpHeader(name, value) }
        val response = call.execute()
        response.exception?.let { throw it }
        val things = response.data as Things?
        if (things?.thing != "ok") throw Wrong("$things")
        return OK
    }

    override fun status(error: Throwable): Int? = (error as? ApolloHttpException)?.statusCode

    /** Apollo has one exception for the network; what it was stands in its cause. */
    override fun family(error: Throwable): Family =
        if (error is ApolloNetworkException) Family.of(error.platformCause as? Throwable ?: error) else Family.of(error)

    override fun close() {
        apollo.close()
        http.letGo()
    }

    private companion object {
        const val OK = 200
    }
}

/** What Apollo's compiler writes for `query Thing { thing }` and `mutation Make($input: String!) { thing }`, by hand. */
private class Things(val thing: String) : Query.Data, Mutation.Data

private object ReadThing : Query<Things> {
    override fun document() = "query Thing { thing }"

    override fun name() = "Thing"

    override fun id() = "thing"

    override fun adapter(): Adapter<Things> = ThingsAdapter

    override fun rootField(): CompiledField = ROOT

    override fun serializeVariables(
        writer: JsonWriter,
        customScalarAdapters: CustomScalarAdapters,
        withDefaultValues: Boolean,
    ) = Unit
}

private class MakeThing(private val input: String) : Mutation<Things> {
    override fun document() = "mutation Make(\$input: String!) { thing(input: \$input) }"

    override fun name() = "Make"

    override fun id() = "make"

    override fun adapter(): Adapter<Things> = ThingsAdapter

    override fun rootField(): CompiledField = ROOT

    override fun serializeVariables(
        writer: JsonWriter,
        customScalarAdapters: CustomScalarAdapters,
        withDefaultValues: Boolean,
    ) {
        writer.name("input").value(input)
    }
}

private object ThingsAdapter : Adapter<Things> {
    override fun fromJson(reader: JsonReader, customScalarAdapters: CustomScalarAdapters): Things {
        var thing: String? = null
        reader.beginObject()
        while (reader.selectName(listOf("thing")) == 0) thing = reader.nextString()
        reader.endObject()
        return Things(thing.orEmpty())
    }

    override fun toJson(writer: JsonWriter, customScalarAdapters: CustomScalarAdapters, value: Things) {
        writer.beginObject().name("thing").value(value.thing).endObject()
    }
}

private val ROOT = CompiledField.Builder("data", ObjectType.Builder("Root").build()).build()
