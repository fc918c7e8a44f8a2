//! A data folder as a stream of files: name length (2 bytes), name, size (8 bytes), content; an empty name ends it.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use crate::data::{DataDir, files, root};

/// Longest file beside the database, in bytes.
const FILE_MAX: u64 = 8 << 20;
/// Most files in a folder.
const FILES: usize = 1000;
/// What marks a folder as a finished server; written last by a restore.
pub const LAST_FILE: &str = "config.json";
/// The database's name in a backup.
const DATABASE: &str = "server.db";

/// Names of a data folder's files that belong into a backup beside the database, sorted.
///
/// Whatever else an organisation's server keeps there comes along; locks, sockets, journals and half-written files do
/// not, and the organisation's root key never does.
///
/// # Errors
/// What the system says.
pub fn names(dir: &DataDir) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir.path())? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let ours = is_plain(&name) && name != "lock" && !name.starts_with(DATABASE);
        if ours && entry.file_type()?.is_file() && !is_root_key(&entry.path())? {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn is_plain(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    letters && !name.starts_with('.') && (1..=100).contains(&name.len())
}

fn is_root_key(path: &Path) -> io::Result<bool> {
    let mut start = [0; 64];
    let read = File::open(path)?.read(&mut start)?;
    Ok(root::is_private(start.get(..read).unwrap_or_default()))
}

/// Writes a folder's files, with `database` in the place of its own.
///
/// # Errors
/// What the system says; `FileTooLarge` for a file that no server writes.
pub fn write(dir: &DataDir, database: &Path, out: &mut impl Write) -> io::Result<()> {
    for name in names(dir)? {
        let path = dir.file(&name);
        if fs::metadata(&path)?.len() > FILE_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        write_one(&name, &path, out)?;
    }
    write_one(DATABASE, database, out)?;
    out.write_all(&[0, 0])
}

fn write_one(name: &str, path: &Path, out: &mut impl Write) -> io::Result<()> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let length = u16::try_from(name.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(name.as_bytes())?;
    out.write_all(&size.to_be_bytes())?;
    let copied = io::copy(&mut (&mut file).take(size), out)?;
    if copied == size { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Writes the files of a stream into an empty folder; gives the content of [`LAST_FILE`], which is not yet written.
///
/// # Errors
/// `InvalidData` for a stream that is none; else what the system says.
pub fn read(input: &mut impl Read, dir: &DataDir) -> io::Result<Vec<u8>> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let mut last = None;
    for _ in 0..FILES {
        let Some(name) = read_name(input)? else {
            // The stream must end here too: whatever follows was not written by us.
            return if input.read(&mut [0])? == 0 { last.ok_or_else(damaged) } else { Err(damaged()) };
        };
        let mut size = [0; 8];
        input.read_exact(&mut size)?;
        let size = u64::from_be_bytes(size);
        if name == DATABASE {
            read_database(input, size, &dir.file(&name))?;
        } else if size <= FILE_MAX {
            let mut bytes = zeroize::Zeroizing::new(Vec::new());
            input.take(size).read_to_end(&mut bytes)?;
            if bytes.len() as u64 != size || dir.file(&name).exists() {
                return Err(damaged());
            }
            if name == LAST_FILE {
                last = Some(bytes.to_vec());
            } else {
                files::write(&dir.file(&name), &bytes)?;
            }
        } else {
            return Err(damaged());
        }
    }
    Err(damaged())
}

fn read_name(input: &mut impl Read) -> io::Result<Option<String>> {
    let mut length = [0; 2];
    input.read_exact(&mut length)?;
    let length = u16::from_be_bytes(length);
    if length == 0 {
        return Ok(None);
    }
    let mut name = vec![0; usize::from(length)];
    input.read_exact(&mut name)?;
    let name = String::from_utf8(name).ok().filter(|name| is_plain(name));
    name.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn read_database(input: &mut impl Read, size: u64, path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    let copied = io::copy(&mut input.take(size), &mut file)?;
    file.sync_all()?;
    if copied == size { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        for bad in ["", ".x", "..", "a/b", "../a", "a\\b", "a\0", "é", &"x".repeat(101)] {
            assert!(!is_plain(bad), "{bad}");
        }
        assert!(is_plain("device-ca.1.der") && is_plain("online.key"));
    }

    #[test]
    fn files_come_back_and_the_root_key_stays_away() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dir = DataDir::new(from.path());
        for (name, text) in
            [("config.json", "{}"), ("a.key", "a"), ("lock", ""), (".half", "x"), ("server.db-wal", "w")]
        {
            fs::write(dir.file(name), text).unwrap();
        }
        root::save(&dir.file("elsewhere"), &workspace_protocol::crypto::SigningKey::generate().unwrap()).unwrap();
        fs::write(dir.file("copy.db"), "copy").unwrap();
        let mut stream = Vec::new();
        write(&dir, &dir.file("copy.db"), &mut stream).unwrap();
        let back = DataDir::new(to.path());
        assert_eq!(read(&mut stream.as_slice(), &back).unwrap(), b"{}");
        let mut found: Vec<_> =
            fs::read_dir(to.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, ["a.key", "copy.db", "server.db"]);
        for cut in 0..stream.len() {
            let to = tempfile::tempdir().unwrap();
            assert!(read(&mut stream.get(..cut).unwrap(), &DataDir::new(to.path())).is_err(), "{cut}");
        }
    }
}
