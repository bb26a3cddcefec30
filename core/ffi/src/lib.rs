//! One native library for Python and Kotlin. [`per_call`] is a plain C ABI of integers (and two byte pointers) for
//! everything that runs per call, [`jni`] the same by the names of a JVM; [`per_client`] is UniFFI for the rest. All reach
//! the same engines by the same handles ([`handles`]). A panic never crosses: it marks its engine dead, and every later
//! word is `Misuse(dead)`.

pub mod handles;
pub mod jni;
pub mod per_call;
pub mod per_client;

uniffi::setup_scaffolding!();
