//! The npm package: the core as WebAssembly, its glue, its unpacker, then the package's own bundler.

use crate::needs;
use crate::places::{at, is_fresh, target};
use crate::run::Run;
use std::fs;
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds `bindings-js/wasm/pkg` and, with the package's `build.mjs`, `bindings-js/dist`; the sizes of both.
///
/// # Errors
/// The tool that failed, with its output.
pub fn build() -> Result<String, String> {
    needs::node()?;
    wasm()?;
    npm_install("bindings-js")?;
    Run::new("node").args(["build.mjs"]).folder(at("bindings-js")).output()
}

/// The wasm module and its JavaScript glue.
fn wasm() -> Result<(), String> {
    needs::rust_target(TARGET)?;
    Run::cargo()
        .args([
            "build",
            "--quiet",
            "--profile",
            "wasm",
            "--target",
            TARGET,
            "-p",
            "unruffled-wasm",
            "-p",
            "unruffled-unpack",
        ])
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
        .map_err(|error| format!("wasm-bindgen: {error:#}"))?;
    fs::copy(target(&format!("{TARGET}/wasm/unruffled_unpack.wasm")), at("bindings-js/wasm/pkg/unpacker.wasm"))
        .map(|_| ())
        .map_err(|error| format!("unpacker.wasm: {error}"))
}

/// `npm ci` in a folder, unless what is installed there is newer than the lock file.
///
/// # Errors
/// What npm said.
pub fn npm_install(folder: &str) -> Result<(), String> {
    let folder = at(folder);
    if is_fresh(&folder.join("node_modules/.package-lock.json"), &folder.join("package-lock.json")) {
        return Ok(());
    }
    Run::new("npm").args(["ci", "--no-audit", "--no-fund"]).folder(&folder).quietly()
}
