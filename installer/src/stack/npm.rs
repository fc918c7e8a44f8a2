//! Packages from npm: one tarball each, checked against the hash written here, kept in the user's cache.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use crate::harness::process::{ProcessError, run};

/// A package, exactly.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// Name and version.
    pub name: &'static str,
    /// Name of its tarball.
    pub tarball: &'static str,
    /// What npm calls its integrity: SHA-512 of the tarball.
    pub integrity: &'static str,
}

/// What drives Chromium in the tests of the console. The newest that runs on Debian 12's Node.js 18.
pub const PLAYWRIGHT: Package = Package {
    name: "playwright-core@1.58.2",
    tarball: "playwright-core-1.58.2.tgz",
    integrity: "sha512-yZkEtftgwS8CsfYo7nm0KE8jsvm6i/PTgVtB8DL726wNf6H2IMsDuxCpJj59KDaxCtSnrWan2AeDqM7JBaultg==",
};

/// What judges the accessibility of the console's pages.
pub const AXE: Package = Package {
    name: "axe-core@4.14.1",
    tarball: "axe-core-4.14.1.tgz",
    integrity: "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
};

/// The virtual desktop of the real-systems suite: a VNC client for a page.
pub const NOVNC: Package = Package {
    name: "@novnc/novnc@1.7.0",
    tarball: "novnc-novnc-1.7.0.tgz",
    integrity: "sha512-ucEJOx4T2avIRCleodk7YobZj5O2Ga2AeLfQ69A/yjG9HHba2+PDgwSkN3FttrmG+70ZGx21sElNFouK13RzyA==",
};

/// The resource map of the real-systems suite: draws with WebGL and a worker.
pub const MAPLIBRE: Package = Package {
    name: "maplibre-gl@6.17.0",
    tarball: "maplibre-gl-6.17.0.tgz",
    integrity: "sha512-2chIZwpLGenoUQOcnm9Pk4SLbA8ppNFq8jlpXiq9vcYm3Y1wJ3fc82FL0GLwBaPYJCLzPv/mC46KEupVov75rQ==",
};

/// The handwritten notes of the real-systems suite.
pub const SIGNATURE_PAD: Package = Package {
    name: "signature_pad@5.1.4",
    tarball: "signature_pad-5.1.4.tgz",
    integrity: "sha512-q0wO5a+U+AWPVcVmiNXz7FY4Ad1QiE8wto/3Yn41WVqepoVVYMvkb1CTokaWPUUAHWDLLabH3/acODeWM9jCrg==",
};

/// What the real-systems suite takes from npm.
pub const SYSTEMS: [Package; 3] = [NOVNC, MAPLIBRE, SIGNATURE_PAD];

/// Why a package could not be had.
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
    /// npm or tar failed.
    #[error(transparent)]
    Tool(#[from] ProcessError),
    /// The tarball is not the one that was expected.
    #[error("{0} from npm is not the package that was expected; nothing of it was used")]
    Integrity(&'static str),
}

/// One entry of `npm pack --json`.
#[derive(Deserialize)]
struct Packed {
    integrity: String,
}

/// The user's cache folder for this product.
#[must_use]
pub fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.unwrap_or_else(env::temp_dir).join("secure-workspace")
}

/// The tarball in `cache`, fetched with npm if it is not there yet.
///
/// # Errors
/// [`PackageError`].
pub fn fetch(cache: &Path, package: &Package) -> Result<PathBuf, PackageError> {
    let folder = cache.join("npm");
    let ours = folder.join(package.tarball);
    if ours.is_file() {
        return Ok(ours);
    }
    let at = |source| PackageError::Cache { folder: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(at)?;
    let fresh = tempfile::tempdir_in(&folder).map_err(at)?;
    let mut npm = Command::new("npm");
    npm.args(["pack", package.name, "--json", "--loglevel=error", "--pack-destination"]).arg(fresh.path());
    // Away from any project, so that no other package file is looked at.
    let said = run("npm", npm.current_dir(fresh.path()))?;
    if !is_expected(&said, package.integrity) {
        return Err(PackageError::Integrity(package.name));
    }
    fs::rename(fresh.path().join(package.tarball), &ours).map_err(at)?;
    Ok(ours)
}

/// Unpacks a whole package into `folder`, which it makes.
///
/// # Errors
/// [`PackageError`].
pub fn unpack(tarball: &Path, folder: &Path) -> Result<(), PackageError> {
    fs::create_dir_all(folder).map_err(|source| PackageError::Cache { folder: folder.to_owned(), source })?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--gzip").arg("--file").arg(tarball).arg("--directory").arg(folder);
    run("tar", tar.args(["--strip-components=1", "--no-same-owner"]))?;
    Ok(())
}

/// Whether npm says it packed exactly what we expect; npm itself checks the bytes against this hash.
fn is_expected(said: &str, integrity: &str) -> bool {
    let packed: Vec<Packed> = serde_json::from_str(said).unwrap_or_default();
    packed.iter().any(|package| package.integrity == integrity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hash_is_refused() {
        let said = format!(r#"[{{"integrity":"{}"}}]"#, AXE.integrity);
        assert!(is_expected(&said, AXE.integrity) && !is_expected(&said, PLAYWRIGHT.integrity));
        assert!(!is_expected(r#"[{"integrity":"sha512-AAAA"}]"#, AXE.integrity));
        assert!(!is_expected("[]", AXE.integrity));
        assert!(!is_expected("not JSON", AXE.integrity));
    }
}
