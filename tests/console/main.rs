//! The console in Chromium, as its people meet it: from `init` to the first devices, every page, a policy changed by two,
//! a real workspace wiped with receipts, in and out, recovery.
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
        display::Display,
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
const PEOPLE: &str = include_str!("people.mjs");
const SIGN_IN: &str = include_str!("sign_in.mjs");
/// The identity provider and what it is made of, each part with its hash.
const PROVIDER: [(&str, &str); 3] = [
    ("provider.mjs", include_str!("provider/provider.mjs")),
    ("package.json", include_str!("provider/package.json")),
    ("package-lock.json", include_str!("provider/package-lock.json")),
];
/// Our name and secret at the provider, and who signs in there.
const CLIENT: (&str, &str) = ("clinic-console", "a secret of the test");
const SUBJECT: &str = "u-4711";

/// What the walk must have found, in this order.
const STEPS: [&str; 21] = [
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
    "opened",
    "policy-changed-by-two",
    "wiped",
    "receipts-checked",
    "log-checked",
    "many-wiped-by-two",
    "keyboard",
    "signed-out-and-in",
    "wrong-passkey-refused",
    "recovered",
    "old-code-refused",
];

#[test]
fn an_admin_sets_up_signs_in_and_recovers_in_a_browser() {
    tell(walk());
}

#[test]
fn an_admin_signs_in_at_a_real_identity_provider_once_linked() {
    tell(sign_in());
}

fn tell(held: Result<(), Wrong>) {
    if let Err(error) = held {
        #[allow(clippy::panic, reason = "this is how a test fails")]
        {
            panic!("{error}");
        }
    }
}

/// A server with a certificate of a CA that Chromium trusts in this home, and the link for its first admin.
struct World {
    server: Running,
    /// Where devices come in.
    port: u16,
    link: String,
}

impl World {
    /// `console`: where the console listens by itself.
    fn start(at: &Path, console: Option<u16>) -> Result<Self, Wrong> {
        let port = ports::free(None)?;
        let link = init(at, port)?;
        let ca = certificate(at)?;
        trust(at, &ca)?;
        let mut serve = command(program("policy-server")?, None);
        serve.args(["serve", "--listen"]).arg(format!("127.0.0.1:{port}")).arg("--data").arg(at.join("data"));
        if let Some(console) = console {
            serve.args(["--console-listen", &format!("127.0.0.1:{console}")]);
        }
        let mut server = Running::start("policy-server", serve.stdin(Stdio::null()), &at.join("server.log"))?;
        server.wait_line("ready", 0, START, |line| line.starts_with("ready ").then_some(()))?;
        Ok(Self { server, port, link })
    }
}

fn walk() -> Result<(), Wrong> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let mut world = World::start(at, None)?;
    let (devices, browser) = device()?;
    let display = Display::start(devices.path(), world::unprivileged()?.as_ref())?;
    let told = json!({
        "link": world.link, "devices": devices.path(), "browser": browser, "rootKey": at.join("usb.key"),
        "display": display.name(), "cookie": display.cookie(),
    });
    let found = chromium(at, ("walk.mjs", WALK), told)?;
    world.server.stop(Duration::from_secs(10));
    judge(&found, &STEPS)
}

fn sign_in() -> Result<(), Wrong> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let console = ports::free(None)?;
    let mut world = World::start(at, Some(console))?;
    let issuer = format!("https://localhost:{}", ports::free(None)?);
    let mut provider = provider(at, &issuer, console)?;
    let here = format!("https://{HOST}:{console}");
    fs::write(at.join("secret.txt"), CLIENT.1)?;
    let mut set = Command::new(program("policy-server")?);
    set.args(["console", "provider", "set", "--private", "--issuer", &issuer, "--client", CLIENT.0, "--secret-file"]);
    set.arg(at.join("secret.txt"))
        .args(["--console", &here])
        .arg("--ca")
        .arg(at.join("ca.pem"))
        .arg("--data")
        .arg(at.join("data"));
    run("policy-server console provider set", &mut set)?;
    let told = json!({ "link": here, "issuer": issuer, "subject": SUBJECT, "devicePort": world.port });
    let found = chromium(at, ("sign_in.mjs", SIGN_IN), told)?;
    provider.stop(Duration::from_secs(10));
    world.server.stop(Duration::from_secs(10));
    judge(&found, &["a-door-of-its-own", "unlinked-refused", "signed-in", "settings", "unlinked"])
}

/// Starts the provider. npm checks each part of it against the hash in the lock file.
fn provider(at: &Path, issuer: &str, port: u16) -> Result<Running, Wrong> {
    let folder = at.join("provider");
    fs::create_dir(&folder)?;
    for (name, text) in PROVIDER {
        fs::write(folder.join(name), text)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline", "--cache"]);
    run("npm ci", npm.arg(npm::cache().join("npm-parts")).current_dir(&folder))?;
    let told = json!({
        "issuer": issuer, "port": issuer.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()),
        "client": CLIENT.0, "secret": CLIENT.1, "redirect": format!("https://{HOST}:{port}/console/sign-in/provider/back"),
        "cert": at.join("cert.pem"), "key": at.join("cert.key"),
    });
    let mut node = command("node", None);
    node.arg("provider.mjs").arg(told.to_string()).current_dir(&folder).stdin(Stdio::null());
    let mut provider = Running::start("the identity provider", &mut node, &at.join("provider.log"))?;
    provider.wait_line("ready", 0, START, |line| (line == "ready").then_some(()))?;
    Ok(provider)
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
    for name in ["secure-browser", "secure-browser-ui"] {
        fs::copy(program(name)?, folder.path().join(name))?;
    }
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
    leaf.subject_alt_names = vec![SanType::DnsName(HOST.try_into()?), SanType::DnsName("localhost".try_into()?)];
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

/// Walks; gives what was found, a line each. `told` is what the walk needs beside what every walk does.
fn chromium(at: &Path, (name, script): (&str, &str), mut told: Value) -> Result<Vec<Value>, Wrong> {
    let cache = npm::cache();
    for (package, name) in [(npm::PLAYWRIGHT, "playwright-core"), (npm::AXE, "axe-core")] {
        npm::unpack(&npm::fetch(&cache, &package)?, &at.join("node_modules").join(name))?;
    }
    fs::write(at.join(name), script)?;
    fs::write(at.join("people.mjs"), PEOPLE)?;
    let shots = env::var_os(SHOTS).map(PathBuf::from);
    if let Some(shots) = &shots {
        fs::create_dir_all(shots)?;
    }
    let every = json!({
        "host": HOST, "home": at, "program": program("policy-server")?, "data": at.join("data"), "shots": shots,
        "chromium": "/usr/bin/chromium",
    });
    if let (Value::Object(told), Value::Object(every)) = (&mut told, every) {
        told.extend(every);
    }
    let mut node = Command::new("node");
    node.arg(name).arg(told.to_string()).current_dir(at).env("HOME", at).env("TMPDIR", at);
    let said = run("the walk through the console", &mut node)?;
    Ok(said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn judge(found: &[Value], wanted: &[&str]) -> Result<(), Wrong> {
    let faults: Vec<_> = found.iter().filter(|line| line["fault"].is_string()).collect();
    if !faults.is_empty() {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        return Err(lines.join("\n").into());
    }
    let steps: Vec<_> = found.iter().filter_map(|line| line["step"].as_str()).collect();
    if steps == wanted { Ok(()) } else { Err(format!("the walk went {steps:?}").into()) }
}
