package dev.unruffled.bench

import dev.failsafe.Failsafe
import dev.failsafe.FailsafeExecutor
import dev.failsafe.RetryPolicy
import dev.failsafe.function.CheckedSupplier
import io.github.resilience4j.circuitbreaker.CircuitBreaker
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType
import io.github.resilience4j.decorators.Decorators
import io.github.resilience4j.kotlin.circuitbreaker.executeSuspendFunction
import io.github.resilience4j.kotlin.ratelimiter.executeSuspendFunction
import io.github.resilience4j.kotlin.retry.executeSuspendFunction
import io.github.resilience4j.ratelimiter.RateLimiter
import io.github.resilience4j.ratelimiter.RateLimiterConfig
import io.github.resilience4j.retry.Retry
import io.github.resilience4j.retry.RetryConfig
import io.ktor.client.HttpClientConfig
import io.ktor.client.plugins.HttpRequestRetry
import java.time.Duration
import java.util.function.Supplier
import dev.failsafe.CircuitBreaker as FailsafeBreaker
import dev.failsafe.RateLimiter as FailsafeLimiter

// The peers as their manuals compose them for what our defaults do: four attempts, a breaker over 30 s, a limit that is
// never reached.

private const val RATE = 100_000_000
private const val ATTEMPTS = 4
private const val WINDOW_SECONDS = 30
private const val FEWEST = 20
private const val HALF = 50f

/** resilience4j: limiter, breaker and retry. */
internal class Resilience4j {
    private val limiter =
        RateLimiter.of(
            "api",
            RateLimiterConfig.custom().limitForPeriod(RATE).limitRefreshPeriod(Duration.ofSeconds(1))
                .timeoutDuration(Duration.ofSeconds(5)).build(),
        )
    private val breaker =
        CircuitBreaker.of(
            "api",
            CircuitBreakerConfig.custom().slidingWindowType(SlidingWindowType.TIME_BASED)
                .slidingWindowSize(WINDOW_SECONDS).minimumNumberOfCalls(FEWEST).failureRateThreshold(HALF).build(),
        )
    private val retry = Retry.of("api", RetryConfig.custom<Any>().maxAttempts(ATTEMPTS).build())

    fun <T> around(work: () -> T): Supplier<T> =
        Decorators.ofSupplier(Supplier { work() }).withRateLimiter(limiter).withCircuitBreaker(breaker)
            .withRetry(retry).decorate()

    suspend fun <T> suspending(work: suspend () -> T): T =
        retry.executeSuspendFunction {
            breaker.executeSuspendFunction { limiter.executeSuspendFunction { work() } }
        }
}

/** Failsafe: the same three. */
internal class FailsafeStack {
    private val executor: FailsafeExecutor<Any> =
        Failsafe.with(
            RetryPolicy.builder<Any>().withMaxAttempts(ATTEMPTS)
                .withBackoff(Duration.ofMillis(200), Duration.ofSeconds(30)).build(),
            FailsafeBreaker.builder<Any>()
                .withFailureThreshold(FEWEST / 2, FEWEST, Duration.ofSeconds(WINDOW_SECONDS.toLong())).build(),
            FailsafeLimiter.burstyBuilder<Any>(RATE.toLong(), Duration.ofSeconds(1)).build(),
        )

    fun around(work: () -> Any): () -> Any {
        val supplier = CheckedSupplier { work() }
        return { executor.get(supplier) }
    }
}

/** Ktor's own plug-in: retries only. */
internal fun HttpClientConfig<*>.retrying() {
    install(HttpRequestRetry) {
        retryOnServerErrors(maxRetries = ATTEMPTS - 1)
        exponentialDelay()
    }
}
