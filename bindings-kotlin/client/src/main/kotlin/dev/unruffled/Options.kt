package dev.unruffled

import dev.unruffled.driver.Clock
import dev.unruffled.driver.Credential
import dev.unruffled.driver.Engine
import dev.unruffled.driver.SystemClock
import dev.unruffled.http.OkHttpVersion
import kotlinx.serialization.json.Json
import okhttp3.OkHttpClient
import kotlin.experimental.ExperimentalTypeInference

/** Options of a client or a drop-in beside its policy. Everything is optional. */
public open class PolicyOptions
@InternalUnruffledApi
constructor() {
    internal var baseUrl: String? = null
    internal var unknownKeys: UnknownKeys = UnknownKeys.ERROR
    internal val listeners = mutableListOf<(Event) -> Unit>()

    /** Receives events, in batches, on the thread that ends a call: return quickly. */
    public fun on(listener: (Event) -> Unit) {
        listeners += listener
    }

    /** Receives events as lines of text: `log(::println)`. */
    public fun log(line: (String) -> Unit) {
        listeners += { line("unruffled $it") }
    }

    /** Sets the base URL, if the policy leaves it to the program. */
    public fun baseUrl(url: String) {
        baseUrl = url
    }

    /** Accepts a policy with keys that this version does not know: each is left out and reported as a `warning` event. */
    public fun unknownKeys(handling: UnknownKeys) {
        unknownKeys = handling
    }

    /** Opens the engine of [policy]. */
    internal fun open(policy: Policy, clock: Clock = SystemClock()): Engine {
        OkHttpVersion.check()
        return Engine(policy.text, unknownKeys, baseUrl, listeners, clock)
    }
}

/** Options of a client beside its policy. Everything is optional. */
public class ClientOptions internal constructor() : PolicyOptions() {
    internal var okHttp: OkHttpClient? = null
    internal var source: Credential.Source? = null
    internal var correlation: (suspend () -> String?)? = null
    internal var json: Json = Json { ignoreUnknownKeys = true }

    /**
     * Sets the client whose connections, proxies, TLS and interceptors are used. Its time limits, its retries and its
     * dispatcher are replaced by the policy's; the client itself is left as it is.
     */
    public fun okHttp(client: OkHttpClient) {
        okHttp = client
    }

    /**
     * Gives the bearer token as plain text. It is called for every attempt and its answer is not retained. It may suspend;
     * for a blocking client the thread waits.
     */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    public fun credentials(token: suspend () -> String) {
        source = Credential.Source(token, null)
    }

    /** Gives a bearer [Token], which is retained until it expires. One call obtains it for all that need it. */
    @OptIn(ExperimentalTypeInference::class)
    @OverloadResolutionByLambdaReturnType
    @JvmName("tokens")
    public fun credentials(token: suspend () -> Token) {
        source = Credential.Source(null) { token() }
    }

    /**
     * Gives a bearer [Token] and receives the reason why it is needed:
     * `credentialsFor { need -> vault.token(renew = need.why == Why.REFUSED) }`. Under the name of the others it would make
     * `credentials { token }` ambiguous. A function that gives plain text has no such form: its reason is always `first`.
     */
    public fun credentialsFor(token: suspend (Need) -> Token) {
        source = Credential.Source(null, token)
    }

    /** Gives the correlation id of the work at hand, in the caller's own context; `null` sends none. */
    public fun correlationId(id: suspend () -> String?) {
        correlation = id
    }

    /** Reads and writes JSON instead of one that ignores unknown keys. */
    public fun json(format: Json) {
        json = format
    }
}
