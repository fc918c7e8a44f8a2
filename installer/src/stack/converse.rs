//! converse.js from npm: one tarball, checked against the hash written here, kept in the user's cache.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use crate::harness::process::{ProcessError, run};

/// Package and version.
const PACKAGE: &str = "converse.js@14.0.0";
/// Name of its tarball.
const TARBALL: &str = "converse.js-14.0.0.tgz";
/// What npm calls its integrity: SHA-512 of the tarball.
const INTEGRITY: &str =
    "sha512-LFUg030jDalV47vI/vyVPqYPZfJYXFbubq8v0cFDe2zXNeeGEk3Up0Fj/WTzT6t+6do+cAIToy73eAj7RNDj2Q==";

/// Why converse.js could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The cache cannot be written.
    #[error("could not use the cache folder {folder}")]
    Cache {
        /// Where.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// npm or openssl or tar failed.
    #[error(transparent)]
    Tool(#[from] ProcessError),
    /// The tarball is not the one that was expected.
    #[error("{PACKAGE} from npm is not the package this demo was made with; nothing of it was used")]
    Integrity,
}

/// One entry of `npm pack --json`.
#[derive(Deserialize)]
struct Packed {
    integrity: String,
}

/// The tarball in `cache`, fetched with npm if it is not there yet.
///
/// # Errors
/// [`PackageError`].
pub fn fetch(cache: &Path) -> Result<PathBuf, PackageError> {
    let folder = cache.join("npm");
    let ours = folder.join(TARBALL);
    if ours.is_file() {
        return Ok(ours);
    }
    let at = |source| PackageError::Cache { folder: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(at)?;
    let fresh = tempfile::tempdir_in(&folder).map_err(at)?;
    let mut npm = Command::new("npm");
    npm.args(["pack", PACKAGE, "--json", "--loglevel=error", "--pack-destination"]).arg(fresh.path());
    // Away from any project, so that no other package file is looked at.
    let said = run("npm", npm.current_dir(fresh.path()))?;
    if !is_expected(&said) {
        return Err(PackageError::Integrity);
    }
    fs::rename(fresh.path().join(TARBALL), &ours).map_err(at)?;
    Ok(ours)
}

/// Whether npm says it packed exactly what we expect; npm itself checks the bytes against this hash.
fn is_expected(said: &str) -> bool {
    let packed: Vec<Packed> = serde_json::from_str(said).unwrap_or_default();
    packed.iter().any(|package| package.integrity == INTEGRITY)
}

/// Unpacks the parts a browser loads into `www`.
///
/// # Errors
/// [`PackageError`].
pub fn unpack(package: &Path, www: &Path) -> Result<(), PackageError> {
    fs::create_dir_all(www).map_err(|source| PackageError::Cache { folder: www.to_owned(), source })?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--gzip").arg("--file").arg(package).arg("--directory").arg(www);
    tar.args(["--strip-components=2", "--no-same-owner", "--exclude=*.map", "package/dist"]);
    run("tar", &mut tar)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hash_is_refused() {
        assert!(is_expected(&format!(r#"[{{"integrity":"{INTEGRITY}"}}]"#)));
        assert!(!is_expected(r#"[{"integrity":"sha512-AAAA"}]"#));
        assert!(!is_expected("[]"));
        assert!(!is_expected("not JSON"));
    }
}
