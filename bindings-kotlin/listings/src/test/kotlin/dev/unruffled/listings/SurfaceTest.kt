package dev.unruffled.listings

import org.jetbrains.kotlin.abi.tools.AbiFilters
import org.jetbrains.kotlin.abi.tools.AbiTools
import org.jetbrains.kotlin.abi.tools.AbiToolsFactory
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.ServiceLoader

/** The public surface of each jar is the one that its `.api` file lists: a change of it is seen in a review. */
class SurfaceTest {
    private val tools: AbiTools = ServiceLoader.load(AbiToolsFactory::class.java).first().get()

    /** Leaves out declarations that are public for other modules of unruffled only. */
    private val filters =
        AbiFilters(
            emptySet(),
            setOf("core", "driver", "http", "client", "under").map { "dev.unruffled.$it.**" }.toSet(),
            emptySet(),
            setOf("dev.unruffled.InternalUnruffledApi"),
        )

    private fun surface(module: String): String {
        val folder = File(Listing.ROOT, "bindings-kotlin/$module/target/classes")
        val classes = folder.walkTopDown().filter { it.extension == "class" }.sortedBy { it.path }.toList()
        assertTrue(classes.isNotEmpty(), "$folder is empty: the module has not been built")
        return buildString { tools.printJvmDump(this, classes, filters) }
    }

    @Test
    fun `the client`() = Listing("bindings-kotlin/client/api/unruffled.api").check(surface("client"))

    @Test
    fun `the plugin for Ktor`() = Listing("bindings-kotlin/ktor/api/unruffled-ktor.api").check(surface("ktor"))
}
