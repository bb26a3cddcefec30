//! `cargo xtask docs`: the manual's generated page, then the manual as a site with the references of all languages beside it.

use crate::command::build;
use crate::tool::needs;
use crate::tool::places::{at, target, venv_program, write};
use crate::tool::run::Run;
use std::fs;
use std::path::Path;

const MDBOOK: &str = "0.4.52";
const TYPEDOC: &str = "0.28.14";
const PDOC: &str = "16.0.0";
const DOKKA: &str = "org.jetbrains.dokka:dokka-maven-plugin:dokka";

/// What to write.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only these, repeated or with commas between
    #[arg(long, value_delimiter = ',', value_parser = ["reference", "site"])]
    pub only: Vec<String>,
}

/// Writes the schema that the core generates from the table its reader uses.
///
/// # Errors
/// The file cannot be written.
pub fn schema() -> Result<(), String> {
    let place = target("policy.schema.json");
    write(&place, &unruffled_core::config::json_schema())?;
    println!("{}", place.display());
    Ok(())
}

/// Writes `policy-reference.md`, then builds `target/docs`. Tools that are not there are installed into `target/tools`.
///
/// # Errors
/// The tool that is missing, or what it printed.
pub fn main(only: &[String]) -> Result<(), String> {
    write(&at("core/manual/policy-reference.md"), &unruffled_core::config::reference())?;
    if !only.is_empty() && !only.contains(&"site".to_owned()) {
        return Ok(());
    }
    let site = target("docs");
    let _ = fs::remove_dir_all(&site);
    guide(&site)?;
    rust(&site)?;
    javascript(&site)?;
    python(&site)?;
    kotlin(&site)?;
    write(&site.join("index.html"), INDEX)?;
    println!("{}", site.join("index.html").display());
    Ok(())
}

const INDEX: &str = r#"<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>unruffled</title>
<style>body { font: 1.1rem/1.6 system-ui; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>unruffled</h1>
<p><a href="core/manual/index.html">The manual</a></p>
<ul>
<li><a href="api/javascript/index.html">JavaScript reference</a></li>
<li><a href="api/python/unruffled.html">Python reference</a></li>
<li><a href="api/kotlin/index.html">Kotlin and Java reference</a>, <a href="api/ktor/index.html">the plugin for Ktor</a></li>
<li><a href="api/rust/unruffled_core/index.html">Rust core reference</a></li>
</ul>
"#;

/// The manual by mdBook. The site has the folders of the repository, so that links to files beside the manual hold.
fn guide(site: &Path) -> Result<(), String> {
    let tool = target("tools/mdbook/bin/mdbook");
    if !tool.exists() {
        println!("installing mdbook {MDBOOK}");
        let root = target("tools/mdbook");
        let install = Run::cargo().args(["install", "--quiet", "--locked", "mdbook", "--version", MDBOOK, "--root"]);
        install.args([root.as_os_str()]).output()?;
    }
    let book = target("docs-book");
    let _ = fs::remove_dir_all(&book);
    let settings = format!(
        "[book]\ntitle = \"unruffled\"\nsrc = {:?}\nlanguage = \"en\"\n\n[build]\nbuild-dir = {:?}\n",
        at("core/manual"),
        site.join("core/manual")
    );
    write(&book.join("book.toml"), &settings)?;
    Run::new(&tool).args(["build"]).args([book.as_os_str()]).output()?;
    for link in crate::command::house::manual::links_outside()? {
        let (from, to) = (at(&link), site.join(&link));
        if from.is_file() && !to.exists() {
            fs::create_dir_all(to.parent().unwrap_or(site)).map_err(|error| error.to_string())?;
            fs::copy(&from, &to).map_err(|error| format!("{}: {error}", from.display()))?;
        }
    }
    Ok(())
}

fn rust(site: &Path) -> Result<(), String> {
    Run::cargo().args(["doc", "--quiet", "-p", "unruffled-core", "--no-deps"]).output()?;
    copy(&target("doc"), &site.join("api/rust"))
}

fn javascript(site: &Path) -> Result<(), String> {
    needs::node()?;
    build::main(&["js".into()])?;
    let folder = target("tools/typedoc");
    let program = folder.join("node_modules/typedoc/bin/typedoc");
    if !program.exists() {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let packages = [format!("typedoc@{TYPEDOC}"), "typescript@5.9.3".to_owned()];
        Run::new("npm").args(["install", "--silent", "--prefix"]).args([folder.as_os_str()]).args(packages).output()?;
    }
    let out = site.join("api/javascript");
    let entries = ["index", "undici", "axios"].map(|name| at("bindings-js/dist").join(format!("{name}.d.ts")));
    let settings = folder.join("tsconfig.json");
    let options = r#"{"module": "esnext", "moduleResolution": "bundler", "target": "es2022", "skipLibCheck": true}"#;
    let files: Vec<String> = entries.iter().map(|entry| format!("{:?}", entry.display().to_string())).collect();
    write(&settings, &format!("{{\"compilerOptions\": {options}, \"files\": [{}]}}", files.join(", ")))?;
    Run::new("node")
        .args([program.as_os_str()])
        .args([
            "--skipErrorChecking",
            "--excludeInternal",
            "--excludePrivate",
            "--logLevel",
            "Error",
            "--name",
            "unruffled",
        ])
        .args(["--readme", "README.md", "--out"])
        .args([out.as_os_str()])
        .args(["--tsconfig".as_ref(), settings.as_os_str()])
        .args(entries)
        .folder(at("bindings-js"))
        .output()
        .map(drop)
}

fn python(site: &Path) -> Result<(), String> {
    needs::python()?;
    build::main(&["python".into()])?;
    let python = venv_program("python");
    let wanted = format!("pdoc=={PDOC}");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    Run::new(&python).args(pip).args([wanted]).output()?;
    let modules = ["unruffled", "unruffled.httpx2", "unruffled.httpx", "unruffled.requests", "unruffled.aiohttp"];
    let out = site.join("api/python");
    let run = Run::new(&python).args(["-m", "pdoc", "--output-directory"]).args([out.as_os_str()]).args(modules);
    run.folder(at("bindings-python")).output().map(drop)
}

/// The client's reference and the Ktor plugin's, by Dokka, each in a folder of its own. The plugin needs the client's jar.
fn kotlin(site: &Path) -> Result<(), String> {
    build::native()?;
    let maven = ["-B", "-ntp", "-q", "-Dmaven.test.skip=true", "-pl", "client,ktor", "package", DOKKA];
    Run::new("mvn").args(maven).folder(at("bindings-kotlin")).output()?;
    for (module, name) in [("client", "kotlin"), ("ktor", "ktor")] {
        let made = at("bindings-kotlin").join(module).join("target/dokka");
        copy(&made, &site.join("api").join(name))?;
        let _ = fs::remove_dir_all(made);
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| error.to_string())?;
    for entry in fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))? {
        let entry = entry.map_err(|error| error.to_string())?;
        let (place, copied) = (entry.path(), to.join(entry.file_name()));
        if place.is_dir() {
            copy(&place, &copied)?;
        } else {
            fs::copy(&place, &copied).map_err(|error| format!("{}: {error}", place.display()))?;
        }
    }
    Ok(())
}
