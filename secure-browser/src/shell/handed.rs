//! The files that the person has put into the hand-over folder: all that an upload can be made of.

use std::{cmp::Reverse, fs, path::Path, time::SystemTime};

/// Most files that are offered at once; the newest come first.
const MOST: usize = 200;

/// A file that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Its name.
    pub name: String,
    /// Where the room has it.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    changed: SystemTime,
}

/// The plain files of `folder` that the page takes: all if it names no media `types`. `guess` tells a file's type by
/// its name. Links are left out: what they lead to was not put here.
pub fn list(folder: &Path, types: &[String], guess: impl Fn(&str) -> String) -> Vec<Handed> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<Handed> = entries.filter_map(|entry| handed(&entry)).collect();
    files.retain(|file| types.is_empty() || fits(&guess(&file.name), types));
    files.sort_by(|a, b| Reverse(a.changed).cmp(&Reverse(b.changed)).then_with(|| a.name.cmp(&b.name)));
    files.truncate(MOST);
    files
}

/// A name that is not UTF-8 cannot be given to the engine.
fn handed(entry: &fs::DirEntry) -> Option<Handed> {
    let meta = fs::symlink_metadata(entry.path()).ok().filter(fs::Metadata::is_file)?;
    let (name, path) = (entry.file_name().into_string().ok()?, entry.path().into_os_string().into_string().ok()?);
    let changed = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    (!name.starts_with('.')).then_some(Handed { name, path, bytes: meta.len(), changed })
}

/// Whether a file of type `mime` is one of `types`, in which `image/*` stands for all of a family.
fn fits(mime: &str, types: &[String]) -> bool {
    types.iter().any(|wanted| match wanted.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => mime.split('/').next().is_some_and(|own| own.eq_ignore_ascii_case(family)),
        None => mime.eq_ignore_ascii_case(wanted),
    })
}

/// A size as people read it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KB", bytes.div_ceil(1024)),
        _ => format!("{}.{} MB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn by_ending(name: &str) -> String {
        match name.rsplit('.').next() {
            Some("png") => "image/png".to_owned(),
            Some("pdf") => "application/pdf".to_owned(),
            _ => "application/octet-stream".to_owned(),
        }
    }

    #[test]
    fn plain_files_are_offered_and_links_folders_and_hidden_files_are_not() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("創部.png"), b"x").unwrap();
        fs::write(folder.path().join(".hidden"), b"x").unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        fs::write(other.path().join("private.png"), b"x").unwrap();
        std::os::unix::fs::symlink(other.path().join("private.png"), folder.path().join("link.png")).unwrap();

        let names = |types: &[&str]| {
            let types: Vec<String> = types.iter().map(|&it| it.to_owned()).collect();
            list(folder.path(), &types, by_ending).into_iter().map(|file| file.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["創部.png"]);
        assert_eq!(names(&["image/*"]), ["創部.png"]);
        assert_eq!(names(&["IMAGE/PNG"]), ["創部.png"]);
        assert_eq!(names(&["*/*"]), ["創部.png"]);
        assert!(names(&["application/pdf", "text/*"]).is_empty());
        assert!(list(Path::new("/nowhere"), &[], by_ending).is_empty());
    }

    #[test]
    fn a_size_is_read_at_a_glance() {
        let sizes = [0, 1023, 1024, 1025, 0x10_0000, 0x18_0000].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KB", "2 KB", "1.0 MB", "1.5 MB"]);
    }
}
