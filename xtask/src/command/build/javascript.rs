//! The npm package: the core as WebAssembly, then the package's own bundler.

use crate::tool::needs;
use crate::tool::places::{at, is_fresh, target};
use crate::tool::run::Run;

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds `bindings-js/wasm/pkg` and, with the package's `build.mjs`, `bindings-js/dist`, and returns the sizes of both.
///
/// # Errors
/// The tool that failed, with its output.
pub fn build() -> Result<String, String> {
    needs::node()?;
    wasm()?;
    npm_install("bindings-js")?;
    Run::new("node").args(["build.mjs"]).folder(at("bindings-js")).output()
}

/// The wasm module, and the glue that wasm-bindgen writes for it.
fn wasm() -> Result<(), String> {
    needs::rust_target(TARGET)?;
    Run::cargo()
        .args(["build", "--quiet", "--profile", "wasm", "--target", TARGET, "-p", "unruffled-wasm"])
        .quietly()?;
    Run::cargo()
        .args(["run", "--quiet", "-p", "unruffled-wasm", "--features", "glue", "--bin", "glue", "--"])
        .args([target(&format!("{TARGET}/wasm/unruffled_wasm.wasm")), at("bindings-js/wasm/pkg")])
        .quietly()
}

/// Runs `npm ci` in a folder, unless what is installed there is newer than the lock file.
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
