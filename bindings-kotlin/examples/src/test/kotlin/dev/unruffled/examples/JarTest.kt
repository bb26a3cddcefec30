package dev.unruffled.examples

import dev.unruffled.Unruffled
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.jar.JarFile

/** The packed jar as a user gets it. From a jar the native library is extracted, which is where two copies would come from. */
class JarTest {
    private val jar = File(Unruffled::class.java.protectionDomain.codeSource.location.toURI())

    @Test
    fun `both ways to the core reach the same engine from the jar`() {
        assertTrue(jar.extension == "jar", "tested against $jar; run mvn verify, not mvn test")
        assertEquals(Outage.EXPECTED, Outage.play())
    }

    @Test
    fun `the jar carries the library, the shrinker's rules and its module name`() {
        JarFile(jar).use { packed ->
            assertTrue(
                packed.entries().asSequence().any {
                    it.name.matches(Regex("[a-z0-9-]+/(lib)?unruffled_ffi\\.(so|dylib|dll)"))
                },
            )
            assertTrue(packed.getEntry("META-INF/proguard/unruffled.pro") != null)
            assertEquals("dev.unruffled", packed.manifest.mainAttributes.getValue("Automatic-Module-Name"))
        }
    }
}
