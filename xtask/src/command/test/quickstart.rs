//! README's quick starts, run as they stand there against a server whose first answers are a 503 and a lost answer.

use crate::tool::places::{at, target, venv_program, write};
use crate::tool::run::Run;
use crate::tool::server::Server;
use serde_json::json;
use std::fs;
use std::path::Path;

/// README's Kotlin, where Maven compiles it.
const KOTLIN: &str = "bindings-kotlin/examples/src/main/kotlin/dev/unruffled/examples/QuickStart.kt";

pub fn javascript() -> Result<String, String> {
    write(&target("readme/quickstart.mjs"), &block("js")?)?;
    link(&at("bindings-js"), &target("readme/node_modules/unruffled"))?;
    play("js", Run::new("node").args(["quickstart.mjs"]))
}

pub fn python() -> Result<String, String> {
    write(&target("readme/quickstart.py"), &block("python")?)?;
    play("python", Run::new(venv_program("python")).args(["quickstart.py"]))
}

pub fn kotlin() -> Result<String, String> {
    let file = fs::read_to_string(at(KOTLIN)).map_err(|error| format!("{KOTLIN}: {error}"))?;
    if file.trim_end() != block("kotlin")?.trim_end() {
        return Err(format!("README.md's Kotlin is not what stands in {KOTLIN}"));
    }
    play("kotlin", crate::command::build::jvm("examples", "dev.unruffled.examples.QuickStartKt")?)
}

/// Runs one program beside the policy file; it must print the order, and the server must have seen each call twice and
/// one write.
fn play(name: &str, program: Run) -> Result<String, String> {
    write(&target("readme/orders.policy.json"), &block("json")?)?;
    let server = Server::start()?;
    let order = json!({"status": 200, "json": {"sku": "a1"}});
    let lost = json!({"commit": true, "fault": "reset-after"});
    let script = json!({"paths": {
        "GET /orders/*": {"tokens": ["t1"], "answers": [{"status": 503}], "then": order},
        "POST /orders": {"tokens": ["t1"], "answers": [lost], "then": order},
    }});
    let base = server.begin(name, &script)?;
    let text = program.folder(target("readme")).env("ORDERS_URL", base).env("ORDERS_TOKEN", "t1").output()?;
    let totals = server.log(name)?["totals"].clone();
    let seen = [&totals["requests"], &totals["commits"], &totals["duplicates"]].map(serde_json::Value::as_u64);
    if seen == [Some(4), Some(1), Some(0)] && text.contains("a1") {
        return Ok(text);
    }
    Err(format!("4 requests, 1 commit and no duplicate were to be seen, and the order printed: {totals}\n{text}"))
}

/// The first fenced block of a language in README.md.
fn block(language: &str) -> Result<String, String> {
    let text = fs::read_to_string(at("README.md")).map_err(|error| format!("README.md: {error}"))?;
    fenced(&text, language).ok_or_else(|| format!("README.md has no block of {language}"))
}

fn fenced(text: &str, language: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("\n```{language}\n"))?;
    Some(rest.split_once("\n```")?.0.to_owned() + "\n")
}

/// Makes a package known by its name in a folder.
fn link(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let _ = fs::remove_file(to);
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(from, to);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_dir(from, to);
    made.map_err(|error| format!("{}: {error}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::{block, fenced};

    #[test]
    fn a_block_ends_at_its_fence() {
        assert_eq!(fenced("a\n```js\nb\nc\n```\n```py\nd\n```\n", "js"), Some("b\nc\n".into()));
        assert_eq!(fenced("a\n```js\nb", "js"), None);
    }

    #[test]
    fn readme_has_a_quick_start_per_language() {
        for language in ["json", "js", "python", "kotlin"] {
            assert!(block(language).is_ok(), "{language}");
        }
    }
}
