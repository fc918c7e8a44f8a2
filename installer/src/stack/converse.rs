//! converse.js: the parts that a browser loads.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::npm::{self, Package, PackageError};
use crate::harness::process::run;

/// What the demo was made with.
const PACKAGE: Package = Package {
    name: "converse.js@14.0.0",
    tarball: "converse.js-14.0.0.tgz",
    integrity: "sha512-LFUg030jDalV47vI/vyVPqYPZfJYXFbubq8v0cFDe2zXNeeGEk3Up0Fj/WTzT6t+6do+cAIToy73eAj7RNDj2Q==",
};

/// The tarball in `cache`, fetched with npm if it is not there yet.
///
/// # Errors
/// [`PackageError`].
pub fn fetch(cache: &Path) -> Result<PathBuf, PackageError> {
    npm::fetch(cache, &PACKAGE)
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
