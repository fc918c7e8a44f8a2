//! `init`: everything of a new server, written in an order in which only a finished folder is taken for one.

use std::path::{Path, PathBuf};

use policy_server_core::{
    audit::Entry,
    signing::{BOUNDARY_SECONDS, sign_boundary},
};
use policy_server_store::{ConsoleWork, SqliteStore, Store, Work};
use workspace_policy::VerifiedBoundary;
use workspace_protocol::{crypto::SigningKey, ids::Version};
use zeroize::Zeroizing;

use super::{Config, DataDir, files, keys, root};
use crate::{backup, clock, console::account::NewLink, failure::Failure, flow::boundary::record};

/// The boundary of a server whose admin has not signed one: it allows nothing.
pub const BOUNDARY_TEMPLATE: &str = include_str!("boundary.toml");
/// The first account.
pub const FIRST: &str = "admin";
/// How long the first link to the console is good: a day, in seconds.
pub const LINK_SECONDS: i64 = 24 * 3600;

/// What `init` is asked for.
pub struct Wish<'a> {
    /// The folder.
    pub data: &'a Path,
    /// `https://host[:port]`.
    pub url: &'a str,
    /// The organisation.
    pub org: &'a str,
    /// Where the root key goes; in the folder if not said.
    pub root_key: Option<&'a Path>,
    /// The first boundary's file.
    pub boundary: Option<&'a Path>,
}

/// What `init` made.
pub struct Made {
    /// Public facts.
    pub config: Config,
    /// Where the root key lies.
    pub root_key: PathBuf,
    /// The root key's name.
    pub root_id: String,
    /// Shown once.
    pub recovery_code: Zeroizing<String>,
    /// Where the first admin makes a passkey; shown once.
    pub console_link: Zeroizing<String>,
}

/// Makes a server. On a failure what was written is taken away again.
///
/// # Errors
/// Bad input: a folder with something in it, a URL that is none, a boundary with faults.
pub async fn init(wish: &Wish<'_>) -> Result<Made, Failure> {
    let config = Config::new(wish.url, wish.org, clock::now())?;
    let toml = match wish.boundary {
        Some(path) => read_boundary(path)?,
        None => BOUNDARY_TEMPLATE.to_owned(),
    };
    let dir = DataDir::new(wish.data);
    files::fresh_folder(wish.data).map_err(|error| match error.kind() {
        std::io::ErrorKind::DirectoryNotEmpty => Failure::input("init-not-empty").with("data", wish.data.display()),
        _ => dir.unreadable(&error),
    })?;
    let root_path = wish.root_key.map_or_else(|| dir.file("root.key"), Path::to_owned);
    let made = fill(&dir, config, &root_path, &toml).await;
    if made.is_err() {
        sweep(&dir);
    }
    made
}

async fn fill(dir: &DataDir, config: Config, root_path: &Path, toml: &str) -> Result<Made, Failure> {
    let _lock = dir.lock()?;
    let root_key = SigningKey::generate().map_err(|_| Failure::refused("random-failed"))?;
    root::save(root_path, &root_key)?;
    let rest = fill_server(dir, &config, &root_key, toml).await;
    if rest.is_err() {
        let _ = std::fs::remove_file(root_path);
    }
    let (recovery_code, console_link) = rest?;
    let root_id = root_key.verifying_key().id().to_string();
    Ok(Made { config, root_key: root_path.to_owned(), root_id, recovery_code, console_link })
}

async fn fill_server(
    dir: &DataDir,
    config: &Config,
    root_key: &SigningKey,
    toml: &str,
) -> Result<(Zeroizing<String>, Zeroizing<String>), Failure> {
    keys::create(dir, config, root_key)?;
    let keys = keys::load(dir)?;
    let code = backup::new_code()?;
    let now = config.created_at;
    let envelope = sign_boundary(root_key, toml, Version(1), now, BOUNDARY_SECONDS);
    let verified = VerifiedBoundary::verify(&envelope, &keys.root, Version(0), now)
        .map_err(|error| Failure::input("boundary-refused").because(error.reason()))?;
    let store = SqliteStore::create(&dir.database()).await?;
    let mut work = store.begin().await?;
    let link = NewLink::new(&keys.secret, FIRST, now, LINK_SECONDS).map_err(|_| Failure::refused("random-failed"))?;
    backup::keep_code(&mut work, &keys.secret, &code).await?;
    work.add_admin(FIRST, now).await?;
    work.add_admin_link(&link.row).await?;
    work.add_boundary(&record(&verified, envelope, now)).await?;
    let made = Entry::done(now, &crate::admin::own_actor(), "server.init", config.authority());
    work.log(&made.with("root", keys.root.id()), &keys.log, &keys.audit).await?;
    work.commit().await?;
    store.close().await;
    config.save(dir)?;
    Ok((code, link.url(&config.url)))
}

/// Takes away what an unfinished `init` wrote into a folder that was empty before.
fn sweep(dir: &DataDir) {
    for entry in std::fs::read_dir(dir.path()).into_iter().flatten().flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
}

fn read_boundary(path: &Path) -> Result<String, Failure> {
    let toml = crate::cli::read_text(path)?;
    match workspace_policy::Boundary::parse(&path.display().to_string(), &toml) {
        Ok(_) => Ok(toml),
        Err(errors) => {
            let lines = errors.errors().iter().map(ToString::to_string).collect::<Vec<_>>();
            Err(Failure::input("boundary-faults").lines(lines))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wish(data: &Path) -> Wish<'_> {
        Wish { data, url: "https://127.0.0.1:8443", org: "Clinic", root_key: None, boundary: None }
    }

    #[test]
    fn the_template_is_a_boundary_that_allows_nothing() {
        let boundary = workspace_policy::Boundary::parse("template", BOUNDARY_TEMPLATE).unwrap();
        assert_eq!(boundary.patterns().count(), 0);
        assert!(boundary.permissions().is_empty());
    }

    #[tokio::test]
    async fn init_makes_a_server_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        let made = init(&wish(&data)).await.unwrap();
        assert_eq!(made.recovery_code.len(), 29);
        assert!(made.root_key.exists());
        let dir = DataDir::new(&data);
        assert!(Config::load(&dir).is_ok() && keys::load(&dir).is_ok());
        let again = init(&wish(&data)).await.map(|_| ()).unwrap_err();
        assert_eq!(again.id, "init-not-empty");
        assert!(keys::load(&dir).is_ok(), "the first server is untouched");
    }

    #[tokio::test]
    async fn a_failed_init_leaves_the_folder_empty() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken.key");
        std::fs::write(&taken, "x").unwrap();
        let data = folder.path().join("server");
        let wish = Wish { root_key: Some(&taken), ..wish(&data) };
        assert_eq!(init(&wish).await.map(|_| ()).unwrap_err().id, "root-exists");
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
        assert_eq!(std::fs::read(&taken).unwrap(), b"x");
    }
}
