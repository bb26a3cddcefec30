package dev.unruffled.bench

import dev.unruffled.Policy
import dev.unruffled.Unruffled
import okhttp3.OkHttpClient
import java.io.File
import java.util.jar.JarFile

private const val TABLE_START = "JVM: start, in a fresh process"
private const val TABLE_SIZES = "JVM: sizes"
private const val ROUTES = 190

/** Measures the first uses, each in a process of its own. */
internal fun start(effort: Effort) {
    LoopbackServer().use { server ->
        val java = File(System.getProperty("java.home"), "bin/java").path
        val figures = LinkedHashMap<Pair<String, String>, MutableList<Double>>()
        repeat(effort.processes) {
            for (kind in listOf("bare", "unruffled")) {
                val path = System.getProperty("java.class.path")
                val command = listOf(java, "-cp", path, First::class.java.name, kind, server.base)
                val process = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
                process.start().inputReader().forEachLine { line ->
                    val (row, column, ms) = line.split('|')
                    figures.getOrPut(row to column) { mutableListOf() } += ms.toDouble()
                }
            }
        }
        for ((place, values) in figures) report(TABLE_START, place.first, place.second, values, "ms")
    }
}

/** One fresh process: prints `row|column|ms`. */
internal object First {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (kind, base) = arguments
        if (kind == "bare") bare(base) else ours(base)
        System.exit(0)
    }

    private fun bare(base: String) {
        lateinit var http: OkHttpClient
        step("bare OkHttp", "first client") { http = OkHttpClient() }
        step("bare OkHttp", "first call") { http.fetch("$base/orders/7") }
        step("bare OkHttp", "second call") { http.fetch("$base/orders/7") }
    }

    /** Measures our own part: the OkHttp client is made before. */
    private fun ours(base: String) {
        val http = OkHttpClient()
        http.fetch("$base/orders/7")
        lateinit var client: dev.unruffled.Client
        step("unruffled", "first client") { client = Unruffled.client(Policy.fromUrl(base)) { okHttp(http) } }
        step("unruffled", "first call") { client.blocking.get("/orders/{id}") { path("id", 7) } }
        step("unruffled", "second call") { client.blocking.get("/orders/{id}") { path("id", 7) } }
        val policy = Policy.fromString(long(base))
        step("unruffled", "client of a 200-line policy") { Unruffled.client(policy) { okHttp(http) } }
    }

    private fun step(row: String, column: String, work: () -> Unit) {
        val begun = System.nanoTime()
        work()
        println("$row|$column|${(System.nanoTime() - begun) / 1e6}")
    }

    private fun long(base: String): String {
        val routes = List(ROUTES) { "    \"GET /things/$it/{id}\": {\"timeouts\": {\"attempt\": \"${it + 1}s\"}}" }
        return "{\n  \"baseUrl\": \"$base\",\n  \"timeouts\": {\"total\": \"10m\"},\n" +
            "  \"retry\": {\"attempts\": 3},\n  \"routes\": {\n${routes.joinToString(",\n")}\n  }\n}\n"
    }
}

/** Prints the sizes of the files that a program needs, beside those of the peers. */
internal fun sizes() {
    val files = System.getProperty("java.class.path").split(File.pathSeparator).map(::File)
    val jars = files.filter { it.extension == "jar" }

    fun size(row: String, column: String, bytes: Long) =
        report(TABLE_SIZES, row, column, listOf(bytes / 1e3), "kB")

    fun sum(vararg names: String) =
        jars.filter { jar -> names.any { jar.name.startsWith(it) } }.sumOf { it.length() }
    jars.firstOrNull { it.name.matches(Regex("unruffled-\\d.*")) }?.let { jar ->
        size("unruffled", "jar", jar.length())
        JarFile(jar).use { packed ->
            val native = packed.entries().toList().filter { "unruffled_ffi" in it.name }
            size("unruffled", "of it native", native.sumOf { it.compressedSize })
            size("unruffled", "native, unpacked", native.sumOf { it.size })
        }
    }
    size("JNA", "jar", sum("jna-"))
    size("resilience4j limiter + breaker + retry", "jar", sum(*RESILIENCE4J))
    size("Failsafe", "jar", sum("failsafe-"))
    size("Ktor client", "jar", sum("ktor-client-core", "ktor-client-okhttp", *KTOR))
    size("OkHttp and Okio", "jar", sum("okhttp-", "okio-"))
}

private val KTOR = arrayOf("ktor-http", "ktor-utils", "ktor-io", "ktor-events")
private val RESILIENCE4J =
    listOf("core", "retry", "circuitbreaker", "ratelimiter", "kotlin").map { "resilience4j-$it-" }.toTypedArray()
