//! Machine id, uid and inode.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use super::{BindingError, Place};

pub(super) fn place(folder: &Path) -> Result<Place, BindingError> {
    let machine = machine_id(&["/etc/machine-id", "/var/lib/dbus/machine-id"]).map_err(BindingError::NoMachineId)?;
    let meta = fs::metadata(folder).map_err(BindingError::Folder)?;
    Ok(Place { machine, user: nix::unistd::getuid().as_raw().into(), folder: meta.ino() })
}

fn machine_id(places: &[&str]) -> io::Result<Vec<u8>> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for place in places {
        match fs::read(place).map(|id| id.trim_ascii().to_vec()) {
            Ok(id) if id.len() >= 32 => return Ok(id),
            Ok(_) => last = io::Error::from(io::ErrorKind::InvalidData),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_empty_machine_id_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, good) = (folder.path().join("empty"), folder.path().join("good"));
        fs::write(&empty, "\n").unwrap();
        fs::write(&good, "0123456789abcdef0123456789abcdef\n").unwrap();
        let (empty, good) = (empty.to_str().unwrap(), good.to_str().unwrap());
        assert!(machine_id(&[empty]).is_err());
        assert_eq!(machine_id(&[empty, good]).unwrap(), b"0123456789abcdef0123456789abcdef");
        assert!(machine_id(&["/nowhere/at/all"]).is_err());
    }
}
