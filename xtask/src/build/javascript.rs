//! The npm package: the core as WebAssembly, its glue, then the package's own bundler.

use crate::needs;
use crate::places::{at, is_fresh, target};
use crate::run::Run;
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds `bindings-js/wasm/pkg` and, with the package's `build.mjs`, `bindings-js/dist`; the sizes of both.
///
/// # Errors
/// The tool that failed, with its output.
pub fn build() -> Result<String, String> {
    needs::node()?;
    wasm()?;
    install()?;
    Run::new("node").args(["build.mjs"]).folder(at("bindings-js")).output()
}

/// The wasm module and its JavaScript glue.
fn wasm() -> Result<(), String> {
    needs::rust_target(TARGET)?;
    Run::cargo()
        .args(["build", "--quiet", "--profile", "wasm", "--target", TARGET, "-p", "unruffled-wasm"])
        .quietly()?;
    let mut bindgen = Bindgen::new();
    bindgen
        .web(true)
        .map_err(|error| error.to_string())?
        .input_path(target(&format!("{TARGET}/wasm/unruffled_wasm.wasm")))
        .out_name("engine")
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(at("bindings-js/wasm/pkg"))
        .map_err(|error| format!("wasm-bindgen: {error:#}"))
}

/// `npm ci`, unless what is installed is newer than the lock file.
fn install() -> Result<(), String> {
    let package = at("bindings-js");
    let lock = package.join("package-lock.json");
    if is_fresh(&package.join("node_modules/.package-lock.json"), &lock) {
        return Ok(());
    }
    Run::new("npm").args(["ci", "--no-audit", "--no-fund"]).folder(&package).quietly()
}
