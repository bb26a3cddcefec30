package dev.unruffled

import dev.unruffled.under.AttemptFactory
import dev.unruffled.under.DropIn
import okhttp3.Call
import okhttp3.OkHttpClient

/** Where clients come from. */
public object Unruffled {
    /**
     * Asks for an idempotency key where a call's `idempotencyKey` is expected; the client makes one, the same on every
     * attempt.
     */
    public const val NEW_KEY: String = ""

    /**
     * Makes a client for the API that a policy describes.
     *
     * ```
     * val orders = Unruffled.client(Policy.fromFile("orders.policy.json")) { credentials { vault.token("orders") } }
     * ```
     *
     * @throws PolicyException if the policy is wrong; it says where.
     */
    @JvmStatic
    @JvmOverloads
    public fun client(policy: Policy, configure: ClientOptions.() -> Unit = {}): Client {
        val options = ClientOptions().apply(configure)
        return Client.of(options.open(policy), options)
    }

    /**
     * Makes a client for a base URL, with the defaults for everything, or for the policy file at a path. A text is a
     * URL if it contains `://`.
     *
     * @throws PolicyException if the URL or the policy is wrong.
     * @throws java.io.IOException if there is no such file.
     */
    @JvmStatic
    @JvmOverloads
    public fun client(urlOrPath: String, configure: ClientOptions.() -> Unit = {}): Client =
        client(Policy.of(urlOrPath), configure)

    /**
     * Makes a drop-in for [over] wherever a `Call.Factory` is taken: the same calls, retried and limited as the policy
     * says. An `OkHttpClient` is used with all that it has, only its own retries are off in here; another factory is
     * left as it is.
     *
     * ```
     * Retrofit.Builder().callFactory(Unruffled.callFactory(Policy.fromFile("orders.policy.json"), okHttpClient))
     * ```
     *
     * @throws PolicyException if the policy is wrong; it says where.
     */
    @JvmStatic
    @JvmOverloads
    public fun callFactory(
        policy: Policy,
        over: Call.Factory = OkHttpClient(),
        configure: PolicyOptions.() -> Unit = {},
    ): ResilientCallFactory {
        val engine = PolicyOptions().apply(configure).open(policy)
        return ResilientCallFactory(DropIn(engine), AttemptFactory(over, engine.settings))
    }

    /** Does the same for a base URL, with the defaults for everything, or for the policy file at a path. */
    @JvmStatic
    @JvmOverloads
    public fun callFactory(
        urlOrPath: String,
        over: Call.Factory = OkHttpClient(),
        configure: PolicyOptions.() -> Unit = {},
    ): ResilientCallFactory = callFactory(Policy.of(urlOrPath), over, configure)

    /**
     * Makes an interceptor that retries and limits the calls of its client as the policy says: for `addInterceptor`,
     * where no [callFactory] fits.
     *
     * @throws PolicyException if the policy is wrong; it says where.
     */
    @JvmStatic
    @JvmOverloads
    public fun interceptor(policy: Policy, configure: PolicyOptions.() -> Unit = {}): ResilientInterceptor =
        ResilientInterceptor(DropIn(PolicyOptions().apply(configure).open(policy)))

    /** Does the same for a base URL, with the defaults for everything, or for the policy file at a path. */
    @JvmStatic
    @JvmOverloads
    public fun interceptor(urlOrPath: String, configure: PolicyOptions.() -> Unit = {}): ResilientInterceptor =
        interceptor(Policy.of(urlOrPath), configure)
}
