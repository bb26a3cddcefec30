//! What must be on the machine before a build: found, checked for its version, or named with what to install.

use crate::tool::run::Run;
use std::path::{Path, PathBuf};

/// Checks that Node 20 or newer is here, with npm.
///
/// # Errors
/// What to install.
pub fn node() -> Result<(), String> {
    let found = at_least("node", &["--version"], 20, 0);
    found.ok_or("Node.js 20 or newer is needed for the JavaScript package; install it from nodejs.org or your system's packages")?;
    let npm = Run::new("npm").args(["--version"]).output();
    npm.map(drop).map_err(|_| "npm is needed for the JavaScript package; it comes with Node.js".into())
}

/// Returns the name of a Python of 3.11 or newer.
///
/// # Errors
/// What to install.
pub fn python() -> Result<String, String> {
    ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"]
        .into_iter()
        .find(|name| at_least(name, &["--version"], 3, 11).is_some())
        .map(str::to_owned)
        .ok_or_else(|| "Python 3.11 or newer is needed for the Python package; install it from python.org or your system's packages".into())
}

/// Checks that a JDK of 17 or newer is here, and Maven.
///
/// # Errors
/// What to install.
pub fn java() -> Result<(), String> {
    at_least("javac", &["-version"], 17, 0)
        .ok_or("a JDK of 17 or newer is needed for the Kotlin package; install for example openjdk-17-jdk")?;
    at_least("mvn", &["-B", "--version"], 3, 6)
        .ok_or("Maven 3.6 or newer is needed for the Kotlin package; install maven")?;
    Ok(())
}

/// Checks that a C++ compiler is here, or installs Debian's.
///
/// # Errors
/// What to install.
pub fn cpp() -> Result<(), String> {
    if std::env::var_os("CXX").is_some() || ["c++", "g++", "clang++"].into_iter().any(|name| in_path(name).is_some()) {
        return Ok(());
    }
    install("g++").map_err(|why| format!("a C++ compiler is needed to build libFuzzer; install g++ or clang\n{why}"))
}

/// Checks that a program is here, or installs Debian's package of its name.
///
/// # Errors
/// What to install.
pub fn packaged(name: &str) -> Result<(), String> {
    if in_path(name).is_some() {
        return Ok(());
    }
    install(name).map_err(|why| format!("no {name}: {why}"))
}

/// Installs a package of the system: as root or with env CI set, else it names the command.
fn install(package: &str) -> Result<(), String> {
    let is_root = Run::new("id").args(["-u"]).output().is_ok_and(|id| id.trim() == "0");
    if !is_root && std::env::var_os("CI").is_none() {
        return Err(format!(
            "run `sudo apt-get install --no-install-recommends {package}`, or its like of your system"
        ));
    }
    println!("installing the package {package}");
    let env = |run: Run| run.env("DEBIAN_FRONTEND", "noninteractive");
    env(Run::new("apt-get").args(["-qq", "update"])).quietly()?;
    env(Run::new("apt-get").args(["-qq", "-y", "install", "--no-install-recommends", package])).quietly()
}

/// Checks that the standard library for `target` is here, or lets rustup install it.
///
/// # Errors
/// What to install.
pub fn rust_target(target: &str) -> Result<(), String> {
    let folder = Run::new("rustc").args(["--print", "target-libdir", "--target", target]).output()?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    let added = Run::new("rustup").args(["target", "add", target]).output();
    added.map(drop).map_err(|why| format!("Rust's standard library for {target} is needed; run `rustup target add {target}`, or install it the way your Rust came\n{why}"))
}

/// Finds a Chromium by env CHROMIUM or the usual names, or installs Debian's.
///
/// # Errors
/// What to install.
pub fn chromium() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        let missing = || format!("env CHROMIUM names {}, which does not exist", path.display());
        return if path.is_file() { Ok(path.clone()) } else { Err(missing()) };
    }
    if let Some(path) = installed_chromium() {
        return Ok(path);
    }
    install("chromium").map_err(|why| {
        format!("Chromium is needed for the browser tests; install it, or name it in env CHROMIUM\n{why}")
    })?;
    installed_chromium().ok_or_else(|| "Chromium was installed but is not in PATH; name it in env CHROMIUM".into())
}

/// Finds a Chromium that is installed.
pub fn installed_chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| {
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(in_path)
    })
}

/// Finds a program in PATH.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&folders).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

/// Returns the version that a program prints, if it is at least `major.minor`.
fn at_least(program: &str, args: &[&str], major: u64, minor: u64) -> Option<(u64, u64)> {
    let text = Run::new(program).args(args).output().ok()?;
    version_in(&text).filter(|found| *found >= (major, minor))
}

/// Reads the first `N.N` or `N` of a text: `v20.20.2` is (20, 20). Maven colours its output, so a number after `[` is no
/// version.
fn version_in(text: &str) -> Option<(u64, u64)> {
    let digits = text.char_indices().filter(|(_, letter)| letter.is_ascii_digit());
    let start = digits.map(|(at, _)| at).find(|at| !text[..*at].ends_with('['))?;
    let mut numbers = text[start..].split(|letter: char| !letter.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        assert_eq!(version_in("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version_in("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version_in("javac 17"), Some((17, 0)));
        assert_eq!(version_in("\u{1b}[0mApache Maven 3.8.7"), Some((3, 8)));
        assert_eq!(version_in("none"), None);
    }
}
