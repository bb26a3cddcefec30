package dev.unruffled.listings

import org.junit.jupiter.api.Assertions.assertEquals
import java.io.File

/** A file of the repository that a program writes. The system property `listings.write` writes it anew. */
internal class Listing(path: String) {
    private val file = File(ROOT, path)

    /** Compares the file with [text], or writes it. */
    fun check(text: String) {
        if (System.getProperty("listings.write") != null) {
            file.parentFile.mkdirs()
            file.writeText(text)
        }
        assertEquals(text, if (file.isFile) file.readText() else "", "if the change is meant: $WRITE")
    }

    internal companion object {
        private const val WRITE = "mvn -pl listings test -Dlistings.write, and a line in CHANGELOG.md if a user sees it"

        /** The folder of the repository. */
        val ROOT: File = generateSequence(File("").absoluteFile) {
            it.parentFile
        }.first { File(it, "tests/README.md").isFile }
    }
}
