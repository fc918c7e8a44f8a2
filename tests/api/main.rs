//! The API against its own description: schemathesis makes requests out of `/api/v1/openapi.json`, good ones and bad ones,
//! and holds each answer against what the document says of it. No 5xx, no answer of another shape, no bad request taken.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use installer::{
    harness::{
        ports,
        process::{Running, command, run},
    },
    stack::npm,
};
use serde_json::Value;
use workspace_tests::Wrong;

const START: Duration = Duration::from_secs(30);
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Where its parts lie in the user's cache: another list of parts gets another folder.
const FOLDER: &str = "schemathesis-4.32.5";
/// Requests that are made up for each operation, beside those that the document calls for.
const EXAMPLES: &str = "10";

#[test]
fn every_answer_of_the_api_is_as_its_document_says() {
    if let Err(error) = judged() {
        #[allow(clippy::panic, reason = "this is how a test fails")]
        {
            panic!("{error}");
        }
    }
}

fn judged() -> Result<(), Wrong> {
    let judge = schemathesis()?;
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let port = ports::free(None)?;
    let mut server = serve(at, port)?;
    let token = token(at)?;
    let mut judge = Command::new(judge);
    judge.arg("run").arg(format!("https://127.0.0.1:{port}/api/v1/openapi.json"));
    judge.args(["--header", &format!("Authorization: Bearer {token}"), "--tls-verify", "false"]);
    judge.args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1"]);
    // The server's own word on a request that took long is a benchmark's matter.
    judge.args(["--workers", "2", "--request-timeout", "60", "--no-color"]);
    // What a schema cannot say (an address, a name, a policy file) is judged by the server, with 422.
    judge.args(["--exclude-checks", "positive_data_acceptance"]);
    let said = judge.current_dir(at).env("HOME", at).stdin(Stdio::null()).output()?;
    server.stop(Duration::from_secs(10));
    let log = fs::read_to_string(at.join("server.log")).unwrap_or_default();
    if log.contains("panicked") {
        return Err(format!("the server panicked:\n{log}").into());
    }
    if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stdout).into_owned().into()) }
}

/// The program, fetched from PyPI by pip if it is not in the cache; pip checks each part against its hash.
fn schemathesis() -> Result<PathBuf, Wrong> {
    let ours = npm::cache().join(FOLDER);
    let program = ours.join("bin/schemathesis");
    // Written last, so that a folder that was not finished is made again.
    let whole = ours.join("whole");
    if fs::read_to_string(&whole).is_ok_and(|held| held == REQUIREMENTS) {
        return Ok(program);
    }
    run("python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&ours))?;
    let list = ours.join("requirements.txt");
    fs::write(&list, REQUIREMENTS)?;
    let mut pip = Command::new(ours.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r"]);
    run("pip install", pip.arg(&list))?;
    fs::write(&whole, REQUIREMENTS)?;
    Ok(program)
}

fn program(name: &str) -> Result<PathBuf, Wrong> {
    let this = env::current_exe()?;
    let beside = this.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    beside.ok_or_else(|| format!("no {name} beside this program: run `cargo build --workspace --bins` first").into())
}

fn serve(at: &Path, port: u16) -> Result<Running, Wrong> {
    let mut init = Command::new(program("policy-server")?);
    init.args(["init", "--json", "--org", "API", "--url"]).arg(format!("https://127.0.0.1:{port}"));
    run("policy-server init", init.arg("--data").arg(at.join("data")))?;
    let mut serve = command(program("policy-server")?, None);
    serve.args(["serve", "--listen"]).arg(format!("127.0.0.1:{port}")).arg("--data").arg(at.join("data"));
    let mut server = Running::start("policy-server", serve.stdin(Stdio::null()), &at.join("server.log"))?;
    server.wait_line("ready", 0, START, |line| line.starts_with("ready ").then_some(()))?;
    Ok(server)
}

/// A token that may do everything.
fn token(at: &Path) -> Result<String, Wrong> {
    let mut create = Command::new(program("policy-server")?);
    create.args([
        "token",
        "create",
        "--json",
        "--name",
        "schemathesis",
        "--role",
        "admin",
        "--expires",
        "1h",
        "--data",
    ]);
    let made: Value = serde_json::from_str(&run("policy-server token create", create.arg(at.join("data")))?)?;
    Ok(made.get("token").and_then(Value::as_str).ok_or("no token")?.to_owned())
}
