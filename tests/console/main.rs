//! The console in Chromium, as an admin meets it: from `init` to the first devices, every page, in and out, recovery.
//!
//! `walk.mjs` is the person; this starts a real server for it, with a certificate of a CA that this Chromium trusts.

use std::{
    env, fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use installer::{
    harness::{
        ports,
        process::{Running, command, run},
        world,
    },
    stack::npm,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use serde_json::{Value, json};
use tempfile::TempDir;
use workspace_tests::Wrong;

const HOST: &str = "policy.clinic.test";
/// Screens are kept here if this is set, for docs and for eyes.
const SHOTS: &str = "SECURE_WORKSPACE_SHOTS";
const START: Duration = Duration::from_secs(30);
const WALK: &str = include_str!("walk.mjs");

/// What the walk must have found, in this order.
const STEPS: [&str; 15] = [
    "link",
    "passkey",
    "sheet",
    "systems",
    "boundary",
    "invitation",
    "devices",
    "overview",
    "accounts",
    "pages",
    "keyboard",
    "signed-out-and-in",
    "wrong-passkey-refused",
    "recovered",
    "old-code-refused",
];

#[test]
fn an_admin_sets_up_signs_in_and_recovers_in_a_browser() {
    if let Err(error) = walk() {
        #[allow(clippy::panic, reason = "this is how a test fails")]
        {
            panic!("{error}");
        }
    }
}

fn walk() -> Result<(), Wrong> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let port = ports::free(None)?;
    let link = init(at, port)?;
    let ca = certificate(at)?;
    trust(at, &ca)?;
    let mut serve = command(program("policy-server")?, None);
    serve.args(["serve", "--listen"]).arg(format!("127.0.0.1:{port}")).arg("--data").arg(at.join("data"));
    let mut server = Running::start("policy-server", serve.stdin(Stdio::null()), &at.join("server.log"))?;
    server.wait_line("ready", 0, START, |line| line.starts_with("ready ").then_some(()))?;
    let found = chromium(at, &link)?;
    server.stop(Duration::from_secs(10));
    judge(&found)
}

fn program(name: &str) -> Result<PathBuf, Wrong> {
    let this = env::current_exe()?;
    let beside = this.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    beside.ok_or_else(|| format!("no {name} beside this program: run `cargo build --workspace --bins` first").into())
}

/// A folder for devices, and how the program of a device is started in it: never as root.
fn device() -> Result<(TempDir, Vec<String>), Wrong> {
    let folder = tempfile::Builder::new().prefix("secure-workspace-test-").tempdir_in("/var/tmp")?;
    let browser = folder.path().join("secure-browser");
    fs::copy(program("secure-browser")?, &browser)?;
    let user = world::unprivileged()?;
    if let Some(user) = &user {
        chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    let start = command(&browser, user.as_ref());
    let words = [start.get_program()].into_iter().chain(start.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned()).collect();
    Ok((folder, words))
}

/// Makes a server; gives the link for its first admin.
fn init(at: &Path, port: u16) -> Result<String, Wrong> {
    let mut init = Command::new(program("policy-server")?);
    init.args(["init", "--json", "--org", "さくら訪問看護", "--url"]).arg(format!("https://{HOST}:{port}"));
    init.arg("--data").arg(at.join("data")).arg("--root-key").arg(at.join("usb.key"));
    let said: Value = serde_json::from_str(&run("policy-server init", &mut init)?)?;
    let link = said.get("console_link").and_then(Value::as_str);
    Ok(link.ok_or("init gave no link")?.to_owned())
}

/// A CA, and a certificate of it that is installed as an admin does; gives the CA's file.
fn certificate(at: &Path) -> Result<PathBuf, Wrong> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Clinic test CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = params.self_signed(&key)?;
    let issuer = Issuer::from_params(&params, &key);
    let leaf_key = KeyPair::generate()?;
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::DnsName(HOST.try_into()?)];
    let leaf = leaf.signed_by(&leaf_key, &issuer)?;
    let (cert, key) = (at.join("cert.pem"), at.join("cert.key"));
    fs::write(&cert, leaf.pem())?;
    fs::write(&key, leaf_key.serialize_pem())?;
    let mut install = Command::new(program("policy-server")?);
    install.args(["console", "certificate", "--cert"]).arg(&cert).arg("--key").arg(&key);
    run("policy-server console certificate", install.arg("--data").arg(at.join("data")))?;
    let file = at.join("ca.pem");
    fs::write(&file, ca.pem())?;
    Ok(file)
}

/// Makes the store of trusted roots that Chromium reads in this home.
fn trust(home: &Path, ca: &Path) -> Result<(), Wrong> {
    let store = home.join(".pki/nssdb");
    fs::create_dir_all(&store)?;
    let database = format!("sql:{}", store.display());
    run("certutil", Command::new("certutil").args(["-N", "--empty-password", "-d", &database]))?;
    let mut add = Command::new("certutil");
    add.args(["-A", "-n", "clinic", "-t", "C,,", "-d", &database, "-i"]).arg(ca);
    run("certutil", &mut add)?;
    Ok(())
}

/// Walks; gives what was found, a line each.
fn chromium(at: &Path, link: &str) -> Result<Vec<Value>, Wrong> {
    let cache = npm::cache();
    for (package, name) in [(npm::PLAYWRIGHT, "playwright-core"), (npm::AXE, "axe-core")] {
        npm::unpack(&npm::fetch(&cache, &package)?, &at.join("node_modules").join(name))?;
    }
    fs::write(at.join("walk.mjs"), WALK)?;
    let shots = env::var_os(SHOTS).map(PathBuf::from);
    if let Some(shots) = &shots {
        fs::create_dir_all(shots)?;
    }
    let (devices, browser) = device()?;
    let told = json!({
        "link": link, "host": HOST, "home": at, "program": program("policy-server")?, "data": at.join("data"),
        "devices": devices.path(), "browser": browser, "rootKey": at.join("usb.key"), "shots": shots, "chromium": "/usr/bin/chromium",
    });
    let mut node = Command::new("node");
    node.arg("walk.mjs").arg(told.to_string()).current_dir(at).env("HOME", at).env("TMPDIR", at);
    let said = run("the walk through the console", &mut node)?;
    Ok(said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn judge(found: &[Value]) -> Result<(), Wrong> {
    let faults: Vec<_> = found.iter().filter(|line| line["fault"].is_string()).collect();
    if !faults.is_empty() {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        return Err(lines.join("\n").into());
    }
    let steps: Vec<_> = found.iter().filter_map(|line| line["step"].as_str()).collect();
    if steps == STEPS { Ok(()) } else { Err(format!("the walk went {steps:?}").into()) }
}
