package dev.unruffled.under

import okhttp3.Call
import okhttp3.Interceptor
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.lang.reflect.Method

/**
 * The methods of OkHttp's [Call]. OkHttp adds methods from time to time (5.4: listeners and tags). A program that calls a
 * method that our calls lack fails, so this test names each new one.
 */
class OkHttpCallMethodsTest {
    private fun Method.words(): String =
        "$name(${parameterTypes.joinToString(", ") { it.simpleName }}): ${returnType.simpleName}"

    @Test
    fun `a call of ours has each method of OkHttp's`() {
        val known =
            listOf(
                "addEventListener(EventListener): void",
                "cancel(): void",
                "clone(): Call",
                "enqueue(Callback): void",
                "execute(): Response",
                "isCanceled(): boolean",
                "isExecuted(): boolean",
                "request(): Request",
                "tag(Class): Object",
                "tag(Class, Function0): Object",
                "tag(KClass): Object",
                "tag(KClass, Function0): Object",
                "timeout(): Timeout",
            )
        val theirs = Call::class.java.methods.filterNot {
            it.isSynthetic || it.isBridge
        }.map { it.words() }.distinct().sorted()
        assertEquals(
            known,
            theirs,
            "okhttp3.Call has changed: write the new method in RetryingCall (what it means over several attempts), " +
                "test it in CallFactoryTest, add it here, and say in core/manual/adapters/okhttp.md which OkHttp has it",
        )
    }

    @Test
    fun `what the interceptor turns off by itself is still there`() {
        val names = Interceptor.Chain::class.java.methods.map { it.name }.toSet()
        val used = setOf("withRetryOnConnectionFailure", "withConnectionPool", "withConnectTimeout", "withReadTimeout")
        assertEquals(emptySet<String>(), used - names, "okhttp3.Interceptor.Chain has changed: see Interceptor.kt")
    }
}
