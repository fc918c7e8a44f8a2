//! Looks for traces of a session where a browser could have left them.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Files larger than this are not read; the search names them instead of passing over them.
const FILE_MAX: u64 = 1 << 30;

/// A search that found something or could not look everywhere.
#[derive(Debug, thiserror::Error)]
pub enum Trace {
    /// The text was found.
    #[error("{path} holds what should be gone")]
    Found {
        /// Where.
        path: PathBuf,
    },
    /// A place could not be searched, so nothing can be said.
    #[error("could not search {path}")]
    Blind {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Where and for what is searched.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Everything below these folders; those that are not there hold nothing.
    pub folders: &'a [&'a Path],
    /// Nothing below one of these is looked at.
    pub except: &'a [&'a Path],
    /// Only files of this user.
    pub uid: u32,
    /// Only files that were changed since then, in whole seconds since 1970. A program cannot set this time back.
    pub since: i64,
}

impl Search<'_> {
    /// Makes sure that none of the files holds `marker`, as UTF-8 or as UTF-16.
    ///
    /// # Errors
    /// [`Trace`] at the first file that holds it or cannot be read.
    pub fn none_of(&self, marker: &str) -> Result<(), Trace> {
        let wide: Vec<u8> = marker.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let needles = [marker.as_bytes(), &wide];
        self.folders.iter().try_for_each(|folder| self.look_at(folder, true, &needles))
    }

    /// `ours`: whether `path` was named, or lies in a folder of our user's.
    fn look_at(&self, path: &Path, ours: bool, needles: &[&[u8]]) -> Result<(), Trace> {
        let blind = |source| Trace::Blind { path: path.to_owned(), source };
        if self.except.contains(&path) {
            return Ok(());
        }
        let facts = match path.symlink_metadata() {
            // In another user's folder that we may not enter, our user cannot have made a file.
            Err(error) if !ours && error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            facts => gone_is_none(facts).map_err(blind)?,
        };
        let Some(facts) = facts else { return Ok(()) };
        if facts.is_dir() {
            return self.look_into(path, facts.uid() == self.uid, needles);
        }
        if !facts.is_file() || facts.uid() != self.uid || facts.ctime() < self.since {
            return Ok(());
        }
        if facts.len() > FILE_MAX {
            return Err(blind(io::ErrorKind::FileTooLarge.into()));
        }
        let Some(bytes) = gone_is_none(fs::read(path)).map_err(blind)? else { return Ok(()) };
        let found = needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == *needle));
        if found { Err(Trace::Found { path: path.to_owned() }) } else { Ok(()) }
    }

    fn look_into(&self, path: &Path, ours: bool, needles: &[&[u8]]) -> Result<(), Trace> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            // As above.
            Err(error) if !ours && error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Trace::Blind { path: path.to_owned(), source }),
        };
        for entry in entries {
            let entry = entry.map_err(|source| Trace::Blind { path: path.to_owned(), source })?;
            self.look_at(&entry.path(), ours, needles)?;
        }
        Ok(())
    }
}

fn gone_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names of the programs that run as part of a session, out of `/proc`.
#[must_use]
pub fn session_processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| is_of_a_session(name)).collect()
}

/// Whether a process name (at most 15 bytes) is one of a session's programs.
fn is_of_a_session(name: &str) -> bool {
    ["secure-browser", "Xephyr", "WebKit", "bwrap", "xdg-dbus-proxy"].iter().any(|program| name.starts_with(program))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nix::unistd::geteuid;

    use super::*;

    fn look(folder: &Path, except: &[&Path], since: i64) -> Result<(), Trace> {
        Search { folders: &[folder], except, uid: geteuid().as_raw(), since }.none_of("marker")
    }

    #[test]
    fn a_marker_is_found_in_either_encoding_and_only_where_looked() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        assert!(look(folder.path(), &[], 0).is_ok());
        for bytes in [b"xx marker xx".to_vec(), "\u{1}marker".encode_utf16().flat_map(u16::to_le_bytes).collect()] {
            fs::write(deep.join("file"), bytes).unwrap();
            assert!(matches!(look(folder.path(), &[], 0), Err(Trace::Found { path }) if path == deep.join("file")));
        }
        assert!(look(folder.path(), &[deep.as_path()], 0).is_ok());
    }

    #[test]
    fn what_was_last_changed_before_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "marker").unwrap();
        let changed = fs::metadata(folder.path().join("file")).unwrap().ctime();
        assert!(look(folder.path(), &[], changed).is_err());
        assert!(look(folder.path(), &[], changed + 1).is_ok());
    }

    #[test]
    fn a_folder_that_is_not_there_holds_nothing() {
        assert!(look(Path::new("/no/such/folder"), &[], 0).is_ok());
    }

    #[test]
    fn programs_of_a_session_are_known_by_name() {
        assert!(["WebKitWebProces", "secure-browser", "Xephyr"].iter().all(|name| is_of_a_session(name)));
        assert!(!["Xvfb", "nginx", "policy-server"].iter().any(|name| is_of_a_session(name)));
    }
}
