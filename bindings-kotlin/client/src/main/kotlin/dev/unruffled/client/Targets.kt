package dev.unruffled.client

import dev.unruffled.driver.Engine
import okhttp3.Headers
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentMap

/** The base URL, the templates and the headers of a client. Its views share them. */
internal class Targets(private val engine: Engine) {
    /** `null` if neither policy nor program give a base URL. */
    val base: BaseUrl? = engine.baseUrl?.let(::BaseUrl)

    private val templates: ConcurrentMap<String, Template> = ConcurrentHashMap()
    private val headers: List<Headers> =
        engine.settings.routes.map { route ->
            Headers.Builder().apply { route.headers.forEach { (name, value) -> set(name, value) } }.build()
        }

    /** Reads a path as the caller wrote it, once. */
    fun template(text: String): Template {
        templates[text]?.let { return it }
        val read = Template.read(text)
        if (templates.size < MOST) templates[text] = read
        return read
    }

    /** Returns the core's target of a method and a path. */
    fun target(method: String, template: Template): Int =
        engine.target(if (template.origin == null) "$method ${template.path}" else "$method ${base?.origin}${template.path}")

    /** Returns the headers that the policy gives every call of a route. */
    fun headers(route: Int): Headers = headers[route]

    private companion object {
        const val MOST = 4_096
    }
}
