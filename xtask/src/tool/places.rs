//! The paths of the project.

use std::path::{Path, PathBuf};

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    let own =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or(own.clone(), Path::to_path_buf)
}

/// Returns a path below the root, written with `/`.
pub fn at(path: &str) -> PathBuf {
    root().join(path)
}

/// Returns a path among what is built, which git ignores.
pub fn target(path: &str) -> PathBuf {
    at("target").join(path)
}

/// Returns the file name of the native library on this platform.
pub fn native_library() -> String {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{prefix}unruffled_ffi{suffix}")
}

/// Returns a program of the Python environment that the build makes.
pub fn venv_program(name: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    target("python/venv").join(folder).join(name)
}

/// Returns whether `made` exists and is not older than `source`.
pub fn is_fresh(made: &Path, source: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    match (modified(made), modified(source)) {
        (Some(made), Some(source)) => made >= source,
        _ => false,
    }
}

/// Writes a file and the folders above it.
///
/// # Errors
/// The path and what went wrong.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
