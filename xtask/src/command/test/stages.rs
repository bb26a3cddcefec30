//! The stages in order: cheap before dear, and each package's build before its tests.

use super::quickstart;
use crate::command::adapters::{self, Mode};
use crate::command::build;
use crate::tool::needs;
use crate::tool::places::{at, venv_program};
use crate::tool::run::Run;
use crate::tool::server;

/// One check.
#[derive(Debug)]
pub struct Stage {
    pub name: &'static str,
    /// The words of `--only` that choose it; the first is the runtime it belongs to.
    pub tags: &'static [&'static str],
    /// Stages that must have passed before, if they were run.
    pub after: &'static [&'static str],
    /// Runs only if `--only` names it.
    pub on_demand: bool,
    /// Does the work; returns what the tools printed.
    pub work: fn() -> Result<String, String>,
}

const fn stage(name: &'static str, tags: &'static [&'static str], work: fn() -> Result<String, String>) -> Stage {
    Stage { name, tags, after: &[], on_demand: false, work }
}

impl Stage {
    const fn after(mut self, stages: &'static [&'static str]) -> Self {
        self.after = stages;
        self
    }

    const fn on_demand(mut self) -> Self {
        self.on_demand = true;
        self
    }
}

/// Every stage.
pub static STAGES: &[Stage] = &[
    stage("house", &["house"], crate::command::house::check),
    stage("core api", &["rust", "house"], crate::command::surface::check),
    stage("file formats", &["house", "vectors", "scenarios"], crate::command::house::formats::check),
    stage("format", &["rust"], || Run::cargo().args(["fmt", "--all", "--check"]).output()),
    stage("clippy", &["rust"], clippy),
    stage("rust tests", &["rust"], || {
        Run::cargo().args(["test", "--quiet", "--workspace", "--exclude", "unruffled-sim"]).output()
    }),
    stage("core without an OS", &["rust"], without_os),
    stage("instructions", &["rust", "instructions"], crate::command::bench::instructions::check),
    stage("rust docs", &["docs", "rust"], docs),
    stage("rust vectors", &["rust", "vectors"], || {
        Run::cargo().args(["run", "--quiet", "-p", "unruffled-host"]).output()
    }),
    stage("fuzz", &["rust", "fuzz"], crate::command::fuzz::briefly),
    stage("figures", &["rust", "sim"], || {
        Run::cargo().args(["test", "--quiet", "--profile", "sim", "-p", "unruffled-sim"]).output()
    }),
    stage("simulation", &["rust", "sim"], crate::command::sim::worlds),
    stage("traces", &["rust", "js", "chromium", "python", "kotlin", "traces"], crate::command::sim::traces),
    stage(
        "fault server",
        &["rust", "js", "chromium", "python", "kotlin", "scenarios", "adapters", "traces", "docs"],
        server::build,
    ),
    stage(
        "js build",
        &["js", "chromium", "vectors", "scenarios", "adapters", "limiters", "bundlers", "traces", "docs"],
        || build::package("js"),
    ),
    stage("js types", &["js"], || npm("types")).after(&["js build"]),
    stage("js lint", &["js"], || npm("lint")).after(&["js build"]),
    stage("js tests", &["js"], || npm("test")).after(&["js build", "fault server"]),
    stage("js vectors", &["js", "vectors"], || node("test/vectors.mjs")).after(&["js build"]),
    stage("js traces", &["js", "traces"], || node("test/traces.mjs")).after(&["js build", "traces"]),
    stage("js torture", &["js"], || node("test/torture.mjs")).after(&["js build"]),
    stage("js scenarios", &["js", "scenarios"], || node("test/scenarios.mjs")).after(&["js build", "fault server"]),
    stage("js limiters", &["js", "limiters"], crate::command::limiters::briefly).after(&["js build"]),
    stage("js quick start", &["js", "docs"], quickstart::javascript).after(&["js build", "fault server"]),
    stage("chromium", &["chromium", "vectors", "scenarios", "traces"], chromium).after(&[
        "js build",
        "fault server",
        "traces",
    ]),
    stage("js bundlers", &["bundlers"], bundlers).on_demand().after(&["js build"]),
    stage("python build", &["python", "vectors", "scenarios", "adapters", "traces", "docs"], || {
        build::package("python")
    }),
    stage("python types", &["python"], || python("mypy", &[])).after(&["python build"]),
    stage("python lint", &["python"], python_lint).after(&["python build"]),
    stage("python tests", &["python"], || python("pytest", &["-q"])).after(&["python build"]),
    stage("python vectors", &["python", "vectors"], || python("tests.vectors", &[])).after(&["python build"]),
    stage("python traces", &["python", "traces"], || python("tests.traces", &[])).after(&["python build", "traces"]),
    stage("python torture", &["python"], || python("tests.torture", &[])).after(&["python build"]),
    stage("python scenarios", &["python", "scenarios"], || python("tests.scenarios", &[]))
        .after(&["python build", "fault server"]),
    stage("python quick start", &["python", "docs"], quickstart::python).after(&["python build", "fault server"]),
    stage("kotlin native", &["kotlin", "vectors", "scenarios", "adapters", "traces", "docs"], || {
        build::native().map(|()| String::new())
    }),
    stage("kotlin tests", &["kotlin", "vectors", "scenarios", "traces"], maven).after(&[
        "kotlin native",
        "fault server",
        "traces",
    ]),
    stage("kotlin quick start", &["kotlin"], quickstart::kotlin).after(&["kotlin tests", "fault server"]),
    stage("kotlin consumers", &["consumers"], crate::command::consumers::all)
        .on_demand()
        .after(&["kotlin tests", "fault server"]),
    stage("js adapters", &["js", "adapters"], || adapters::play("js", Mode::Unruffled))
        .after(&["js build", "fault server"]),
    stage("python adapters", &["python", "adapters"], || adapters::play("python", Mode::Unruffled))
        .after(&["python build", "fault server"]),
    stage("kotlin adapters", &["kotlin", "adapters"], || adapters::play("kotlin", Mode::Unruffled))
        .after(&["kotlin native", "fault server"]),
    stage("js bare", &["adapters"], || adapters::play("js", Mode::Bare)).on_demand().after(&["js adapters"]),
    stage("python bare", &["adapters"], || adapters::play("python", Mode::Bare))
        .on_demand()
        .after(&["python adapters"]),
    stage("kotlin bare", &["adapters"], || adapters::play("kotlin", Mode::Bare))
        .on_demand()
        .after(&["kotlin adapters"]),
    stage("adapters", &["adapters"], adapters::show),
];

fn clippy() -> Result<String, String> {
    Run::cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]).output()
}

fn docs() -> Result<String, String> {
    Run::cargo().args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").output()
}

/// The core needs an allocator and nothing else; a target without an operating system proves it.
fn without_os() -> Result<String, String> {
    const TARGET: &str = "wasm32v1-none";
    needs::rust_target(TARGET)?;
    Run::cargo().args(["build", "--quiet", "-p", "unruffled-core", "--target", TARGET]).output()
}

/// Where the test runners find the fault server and the traces.
fn with_faults(run: Run) -> Run {
    run.env("UNRUFFLED_TRACES", crate::command::sim::trace_file()).env("UNRUFFLED_FAULTS", server::program())
}

fn npm(script: &str) -> Result<String, String> {
    with_faults(Run::new("npm").args(["run", "--silent", script]).folder(at("bindings-js"))).output()
}

fn node(program: &str) -> Result<String, String> {
    with_faults(Run::new("node").args([program]).folder(at("bindings-js"))).output()
}

fn chromium() -> Result<String, String> {
    let browser = needs::chromium()?;
    with_faults(Run::new("node").args(["test/chromium.mjs"]).folder(at("bindings-js")).env("CHROMIUM", browser))
        .output()
}

/// Pages that use the slim entry, built by other people's bundlers.
fn bundlers() -> Result<String, String> {
    let browser = needs::chromium()?;
    build::npm_install("bindings-js/test/bundlers")?;
    Run::new("node").args(["test/bundlers/run.mjs"]).folder(at("bindings-js")).env("CHROMIUM", browser).output()
}

fn python(module: &str, args: &[&str]) -> Result<String, String> {
    let run = Run::new(venv_program("python")).args(["-m", module]).args(args).folder(at("bindings-python"));
    with_faults(run).output()
}

/// mypy reads its strictness from the package's own configuration, as an editor does.
fn python_lint() -> Result<String, String> {
    python("ruff", &["check", "."])?;
    python("ruff", &["format", "--check", "."])
}

/// Surefire's totals are information that `-q` hides unless its logger is told otherwise; the compiler's daemon would
/// outlive the build.
fn maven() -> Result<String, String> {
    let run = Run::new("mvn")
        .args(["-B", "-ntp", "-q", "-Dkotlin.compiler.daemon=false", "-P", "r8", "verify"])
        .folder(at("bindings-kotlin"))
        .env("MAVEN_OPTS", "-Dorg.slf4j.simpleLogger.log.org.apache.maven.plugin.surefire=info")
        .env("RUST_BACKTRACE", "0");
    with_faults(run).output()
}
