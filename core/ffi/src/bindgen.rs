//! Writes the Python and Kotlin modules from the built library; run by the packages' builds.
fn main() {
    uniffi::uniffi_bindgen_main();
}
