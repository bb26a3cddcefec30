package dev.unruffled

/**
 * What other modules of unruffled are built on: the drop-in under Ktor, for example. It changes without notice, and every
 * module needs exactly this version of it.
 */
@RequiresOptIn("This is for unruffled's own modules only and changes without notice.", RequiresOptIn.Level.ERROR)
@Retention(AnnotationRetention.BINARY)
@Target(AnnotationTarget.CLASS, AnnotationTarget.FUNCTION, AnnotationTarget.CONSTRUCTOR, AnnotationTarget.PROPERTY)
public annotation class InternalUnruffledApi
