//! Debian: apt, useradd, cargo.

use std::{
    collections::BTreeSet,
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::unistd::{User, geteuid};

use crate::{
    harness::{
        process::{ProcessError, run},
        world::DEMO_USER,
    },
    packages::Wanted,
    plan::{Facts, Rights, Step},
    stack::{PackageError, fetch, npm},
};

/// Where the programs go when the caller is root and the account that runs them cannot read the caller's folders.
const SHARED_PROGRAMS: &str = "/usr/local/lib/secure-workspace/demo";
/// The programs of the workspace.
pub const PROGRAMS: [&str; 4] = ["installer", "policy-server", "secure-browser", "secure-browser-ui"];

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A program failed; its own words are on the screen.
    #[error("{program} failed ({status})")]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: String,
    },
    /// A program could not be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// converse.js could not be had.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A file could not be put in place.
    #[error("could not put {path} in place")]
    Place {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Where things are.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The checkout.
    pub source: PathBuf,
    /// cargo's target folder.
    pub target: PathBuf,
    /// The user's cache folder for this product.
    pub cache: PathBuf,
}

impl Surroundings {
    /// Where the built programs are run from.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        if geteuid().is_root() { PathBuf::from(SHARED_PROGRAMS) } else { self.target.join("debug") }
    }
}

/// Looks at this machine.
#[must_use]
pub fn facts(wanted: &[Wanted]) -> Facts {
    let commands = wanted.iter().filter_map(|one| one.unless.clone()).filter(|command| is_command(command));
    Facts {
        debian: debian(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
        rights: rights(),
        installed: installed(wanted),
        commands: commands.collect(),
        account: User::from_name(DEMO_USER).ok().flatten().is_some(),
        user_namespaces: user_namespaces(),
    }
}

fn debian(release: &str) -> Option<u32> {
    let field =
        |name: &str| release.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_matches('"'));
    (field("ID=")? == "debian").then(|| field("VERSION_ID=")?.parse().ok()).flatten()
}

fn rights() -> Rights {
    match () {
        () if geteuid().is_root() => Rights::Root,
        () if is_command("sudo") => Rights::Sudo,
        () => Rights::None,
    }
}

fn is_command(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // An ordinary user's path often lacks the folders of the admin's programs, where nginx lies.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|folder| folder.join(name).is_file())
}

/// The packages of the list that dpkg calls installed.
fn installed(wanted: &[Wanted]) -> BTreeSet<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Abbrev} ${Package}\n"]).args(wanted.iter().map(|one| &one.package));
    // It fails when it does not know a package; what it does know is on standard output all the same.
    let said = query.stderr(Stdio::null()).output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    said.lines().filter_map(|line| line.strip_prefix("ii ")).map(|name| name.trim().to_owned()).collect()
}

fn user_namespaces() -> bool {
    let reads = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let zero = |path: &str| reads(path).is_some_and(|value| value == "0");
    !zero("/proc/sys/kernel/unprivileged_userns_clone") && !zero("/proc/sys/user/max_user_namespaces")
}

/// Does one step.
///
/// # Errors
/// [`ApplyError`].
pub fn apply(step: &Step, at: &Surroundings) -> Result<(), ApplyError> {
    match step {
        Step::InstallPackages(packages) => install(packages, at),
        Step::InstallWhileBuilding(packages) => {
            let ahead = Ahead::start(at);
            install(packages, at)?;
            ahead.finish();
            Ok(())
        }
        Step::MakeAccount => {
            let mut useradd = Command::new("useradd");
            useradd.args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]);
            run("useradd", useradd.args(["--shell", "/usr/sbin/nologin", DEMO_USER]))?;
            Ok(())
        }
        Step::FetchChat => Ok(fetch(&at.cache).map(drop)?),
        Step::FetchWebTools => {
            for package in [npm::PLAYWRIGHT, npm::AXE].iter().chain(&npm::SYSTEMS) {
                npm::fetch(&at.cache, package)?;
            }
            Ok(())
        }
        Step::Build => build(at),
        Step::PlacePrograms => place(&at.target.join("debug"), &at.programs()),
    }
}

fn install(packages: &[String], at: &Surroundings) -> Result<(), ApplyError> {
    let script = at.source.join("installer/packaging/install-debian");
    let mut install = if geteuid().is_root() {
        Command::new(script)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg(script);
        sudo
    };
    shown("the installation of packages", install.args(packages))
}

fn build(at: &Surroundings) -> Result<(), ApplyError> {
    let mut cargo = cargo(&PROGRAMS, at);
    if has_tpm_library() {
        cargo.args(TPM);
    }
    shown("cargo build", &mut cargo)
}

/// The features with which the browser speaks to a TPM.
const TPM: [&str; 2] = ["--features", "secure-browser/tpm"];

/// Compiles `programs`.
fn cargo(programs: &[&str], at: &Surroundings) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Of the whole workspace, so that no crate is built a second time with other features.
    cargo.args(["build", "--locked", "--workspace"]).current_dir(&at.source);
    cargo.args(programs.iter().flat_map(|program| ["--bin", program]));
    cargo.env("CARGO_TARGET_DIR", &at.target);
    cargo
}

/// A build that runs beside something else; it ends with it. What became of it is for [`Step::Build`] to say, which
/// does again whatever failed.
struct Ahead(Option<Child>);

impl Ahead {
    /// Starts with the server: it needs no package but a C compiler, which was needed to come this far.
    fn start(at: &Surroundings) -> Self {
        let mut cargo = cargo(&["policy-server"], at);
        cargo.args(TPM).arg("--quiet").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(cargo.spawn().ok())
    }

    fn finish(mut self) {
        if let Some(mut child) = self.0.take() {
            let _failed_builds_are_built_again = child.wait();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _gone_already = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// Whether the TPM client can be built here: its library and what finds it are installed. Without, the browser enrolls
/// with a software key and says so.
fn has_tpm_library() -> bool {
    let mut ask = Command::new("pkg-config");
    ask.args(["--exists", "tss2-sys >= 3.2", "tss2-esys", "tss2-tctildr", "tss2-mu"]).stdin(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

/// Runs a program whose own words the person sees, all on standard error.
fn shown(name: &str, command: &mut Command) -> Result<(), ApplyError> {
    let failed = |status: String| ApplyError::Failed { program: name.to_owned(), status };
    let status =
        command.stdin(Stdio::null()).stdout(io::stderr()).status().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(status.to_string())) }
}

/// Copies the programs into a folder that everyone may read; nothing to do where they are already.
///
/// # Errors
/// [`ApplyError::Place`].
pub fn place(from: &Path, to: &Path) -> Result<(), ApplyError> {
    if from == to {
        return Ok(());
    }
    let at = |path: &Path, source| ApplyError::Place { path: path.to_owned(), source };
    fs::create_dir_all(to).map_err(|source| at(to, source))?;
    for program in PROGRAMS {
        let path = to.join(program);
        replace(&from.join(program), &path).map_err(|source| at(&path, source))?;
    }
    Ok(())
}

/// Puts a copy in place by renaming, since a program that runs cannot be written to.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let fresh = to.with_extension("fresh");
    fs::copy(from, &fresh)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))?;
    fs::rename(fresh, to)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_told_from_its_children() {
        assert_eq!(debian("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"), Some(12));
        assert_eq!(debian("ID=ubuntu\nVERSION_ID=\"24.04\"\nID_LIKE=debian\n"), None);
        assert_eq!(debian(""), None);
    }

    #[test]
    fn programs_are_placed_for_everyone_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir(&from).unwrap();
        for round in ["one", "two"] {
            for program in PROGRAMS {
                fs::write(from.join(program), round).unwrap();
            }
            place(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(to.join("installer")).unwrap(), round);
        }
        assert_eq!(fs::metadata(to.join("installer")).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(place(&folder.path().join("nowhere"), &to).is_err());
    }
}
