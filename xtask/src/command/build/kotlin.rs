//! The Kotlin package: the native library, stripped after its bindings are generated, then Maven.

use crate::tool::needs;
use crate::tool::places::{at, native_library, target};
use crate::tool::run::Run;
use std::fs;
use std::path::Path;

/// Builds the native library into `target/kotlin/native`, the bindings into `target/kotlin/generated`, and the jars.
///
/// # Errors
/// The tool that failed, with its output.
pub fn build() -> Result<String, String> {
    native()?;
    Run::new("mvn").args(["-B", "-ntp", "-q", "-DskipTests", "package"]).folder(at("bindings-kotlin")).output()
}

/// Makes a run of a main class of a module, with all its dependencies.
///
/// # Errors
/// The package has not been built.
pub fn jvm(module: &str, class: &str) -> Result<Run, String> {
    let path = at(&format!("bindings-kotlin/{module}/target/classpath.txt"));
    let list = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let classes = at(&format!("bindings-kotlin/{module}/target/classes"));
    let joined = std::env::join_paths(std::iter::once(classes).chain(std::env::split_paths(list.trim())));
    let joined = joined.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Run::new("java").args(["-cp".into(), joined, class.into()]))
}

/// Builds what Maven starts from: the library with symbols, the bindings read from it, and a stripped copy for the jar.
///
/// # Errors
/// The tool that failed, with its output.
pub fn native() -> Result<(), String> {
    needs::java()?;
    Run::cargo().args(["build", "--quiet", "--release", "-p", "unruffled-ffi"]).quietly()?;
    let built = target("release").join(native_library());
    let generated = target("kotlin/generated");
    // What an earlier generator wrote would be compiled as well, and a class whose source is gone packed.
    let _ = fs::remove_dir_all(&generated);
    for classes in ["client/target/classes", "client/target/test-classes", "examples/target/classes"] {
        let _ = fs::remove_dir_all(at("bindings-kotlin").join(classes));
    }
    Run::cargo()
        .args([
            "run",
            "--quiet",
            "-p",
            "unruffled-ffi",
            "--features",
            "bindgen",
            "--bin",
            "uniffi-bindgen",
            "--",
            "generate",
        ])
        .args([&built])
        .args(["--language", "kotlin", "--no-format", "--config", "core/ffi/bindgen.toml", "--out-dir"])
        .args([&generated])
        .quietly()?;
    let packed = target("kotlin/native").join(platform()).join(native_library());
    strip(&built, &packed)
}

/// Returns the folder name under which JNA looks for a library of this platform.
fn platform() -> String {
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else if cfg!(windows) {
        "win32"
    } else {
        "linux"
    };
    let machine = if cfg!(target_arch = "x86_64") { "x86-64" } else { std::env::consts::ARCH };
    format!("{system}-{machine}")
}

/// Copies a library without its symbols. It is a plain copy where no tool for that is installed.
///
/// # Errors
/// A path that cannot be written.
pub fn strip(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let stripped = ["strip", "llvm-strip"].into_iter().any(|tool| {
        needs::in_path(tool).is_some_and(|tool| {
            Run::new(tool).args(["-o".as_ref(), to.as_os_str(), from.as_os_str()]).quietly().is_ok()
        })
    });
    if !stripped {
        println!("neither strip nor llvm-strip works here: the library keeps its symbols");
        fs::copy(from, to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(())
}
