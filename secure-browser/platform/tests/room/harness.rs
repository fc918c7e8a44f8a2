//! What `cargo test` and `cargo nextest` expect of a test binary, and the step down from root.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    panic::catch_unwind,
    path::{Path, PathBuf},
    process::Command,
};

/// A rule and the test of it.
pub type Test = (&'static str, fn());

/// A user that owns nothing on the machine.
const USER: &str = "61234";
/// Where root put execute-only copies, as the installer does.
pub const LOCKED: &str = "ROOM_TEST_LOCKED";

/// Where Debian keeps WebKit's own programs.
pub fn engine() -> PathBuf {
    PathBuf::from(format!("/usr/lib/{}-linux-gnu/webkit2gtk-4.1", env::consts::ARCH))
}

/// Lists or runs. Returns the exit code.
pub fn run(groups: &[&[Test]]) -> i32 {
    let tests: Vec<Test> = groups.iter().flat_map(|group| group.iter().copied()).collect();
    let args: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--list") {
        let listed = if has("--ignored") { &[] } else { tests.as_slice() };
        listed.iter().for_each(|(name, _)| println!("{name}: test"));
        return 0;
    }
    if nix::unistd::geteuid().is_root() {
        return as_user(&args);
    }
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|asked| matches(name, asked, has("--exact")));
    let failed: Vec<&str> =
        tests.iter().filter(|(name, _)| wanted(name)).filter(|test| !holds(test)).map(|test| test.0).collect();
    println!("{} failed: {failed:?}", failed.len());
    i32::from(!failed.is_empty())
}

fn matches(name: &str, asked: &str, exact: bool) -> bool {
    if exact { name == asked } else { name.contains(asked) }
}

fn holds((name, test): &Test) -> bool {
    let held = catch_unwind(test).is_ok();
    println!("test {name} ... {}", if held { "ok" } else { "FAILED" });
    held
}

/// Runs the same again as [`USER`], from a folder that everybody may read: the checkout may be root's alone.
fn as_user(args: &[String]) -> i32 {
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let copy = folder.path().join("room-test");
    fs::copy(env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    lock_copies(&copy, &folder.path().join("locked"));
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(&copy).args(args);
    command.env("HOME", "/nonexistent").env(LOCKED, folder.path().join("locked")).current_dir("/");
    command.status().unwrap().code().unwrap_or(101)
}

/// Root-owned, mode 0111: what the installer places.
fn lock_copies(program: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    let engine = fs::read_dir(engine()).into_iter().flatten().flatten().map(|entry| entry.path());
    let engine = engine.filter(|path| path.is_file() && path.to_string_lossy().ends_with("Process"));
    for from in engine.chain([program.to_owned()]) {
        let copy = to.join(from.file_name().unwrap());
        fs::copy(&from, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o111)).unwrap();
    }
}
