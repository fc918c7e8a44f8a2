//! The room's file tree: built in memory, entered, and the host's tree let go.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::stat::{Mode, umask},
    unistd::{chdir, fchdir, pivot_root},
};

use super::{
    etc,
    wire::{At, BindWire, Failure, Wire},
};
use crate::room::{HOME, PROGRAM, RUNTIME_DIR, Step};

/// Any folder that every system has: only the place where the tree is put together.
const STAGE: &str = "/tmp";
const OLD: &str = "/old";
const NEW: &str = "/new";
/// What the fixed part of the tree may hold, in bytes: a few files and mount points.
const ROOT_BYTES: u64 = 16 << 20;
const BESIDE_USR: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// `tty` only because bubblewrap wants to bind it; the room has no terminal.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

const READ_ONLY: u64 = 1;
const NO_SUID: u64 = 2;
const NO_DEV: u64 = 4;
const NO_EXEC: u64 = 8;

/// Builds the tree and enters it; afterwards the host's is not there.
pub(super) fn build(wire: &Wire) -> Result<(), Failure> {
    let binds = resolved(wire)?;
    umask(Mode::from_bits_truncate(0o022));
    enter_stage()?;
    system()?;
    etc()?;
    devices()?;
    processes()?;
    writable(wire.writable_bytes)?;
    for bind in &binds {
        show(bind)?;
    }
    for file in &wire.files {
        put(&inside(&file.path), &file.bytes, file.mode).at(Step::Files, display(&file.path))?;
    }
    leave_host()?;
    seal()
}

/// Links in the sources are followed now, while they still lead where the host means.
fn resolved(wire: &Wire) -> Result<Vec<BindWire>, Failure> {
    let program = BindWire { source: wire.program.clone(), target: PROGRAM.into(), optional: false, no_exec: false };
    let mut found = Vec::new();
    for bind in std::iter::once(&program).chain(&wire.binds) {
        match fs::canonicalize(&bind.source) {
            Ok(source) => {
                let target = bind.target.clone();
                found.push(BindWire { source: source.into(), target, optional: bind.optional, no_exec: bind.no_exec });
            }
            Err(error) if bind.optional && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).at(Step::Binds, display(&bind.source)),
        }
    }
    Ok(found)
}

/// An empty root in memory with the host's at [`OLD`] and the room's to be at [`NEW`].
fn enter_stage() -> Result<(), Failure> {
    change(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None).at(Step::PrivateMounts, "/")?;
    in_memory(Path::new(STAGE), ROOT_BYTES).at(Step::Root, STAGE)?;
    for folder in [OLD, NEW] {
        fs::create_dir(format!("{STAGE}{folder}")).at(Step::Root, folder)?;
    }
    pivot_root(STAGE, format!("{STAGE}{OLD}").as_str()).at(Step::Root, "pivot_root")?;
    chdir("/").at(Step::Root, "chdir")?;
    in_memory(Path::new(NEW), ROOT_BYTES).at(Step::Root, NEW)
}

fn system() -> Result<(), Failure> {
    bind(&outside("/usr"), &inside("/usr"), READ_ONLY | NO_SUID | NO_DEV).at(Step::System, "/usr")?;
    for path in BESIDE_USR {
        match fs::symlink_metadata(outside(path)) {
            Err(_) => {}
            Ok(meta) if meta.is_symlink() => {
                fs::read_link(outside(path)).and_then(|to| symlink(to, inside(path))).at(Step::System, *path)?;
            }
            Ok(_) => bind(&outside(path), &inside(path), READ_ONLY | NO_SUID | NO_DEV).at(Step::System, *path)?,
        }
    }
    sys().at(Step::System, "/sys")
}

/// A fresh one knows only the room's interfaces; where the host's is partly covered the kernel refuses that, and a
/// read-only view of the host's must do. WebKit's own sandbox wants to see `/sys`.
fn sys() -> io::Result<()> {
    let target = inside("/sys");
    fs::create_dir(&target)?;
    let fresh = change(Some("sysfs"), &target, Some("sysfs"), MsFlags::empty(), None);
    if fresh.is_err() {
        return bind(&outside("/sys"), &target, READ_ONLY | NO_SUID | NO_DEV | NO_EXEC);
    }
    restrict(&target, READ_ONLY | NO_SUID | NO_DEV | NO_EXEC)
}

fn etc() -> Result<(), Failure> {
    let (host, room) = (outside("/etc"), inside("/etc"));
    fs::create_dir(&room).at(Step::Etc, "/etc")?;
    for folder in etc::FOLDERS {
        if outside(folder).is_dir() {
            bind(&outside(folder), &inside(folder), READ_ONLY | NO_SUID | NO_DEV | NO_EXEC).at(Step::Etc, *folder)?;
        }
    }
    etc::write(&host, &room)
}

fn devices() -> Result<(), Failure> {
    let folder = inside("/dev");
    fs::create_dir(&folder).and_then(|()| in_memory(&folder, 1 << 20)).at(Step::Devices, "/dev")?;
    for device in DEVICES {
        let path = format!("/dev/{device}");
        bind(&outside(&path), &inside(&path), READ_ONLY | NO_SUID | NO_EXEC).at(Step::Devices, *device)?;
    }
    let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
    for (name, to) in links {
        symlink(to, folder.join(name)).at(Step::Devices, name)?;
    }
    fs::create_dir(folder.join("shm")).at(Step::Devices, "shm")
}

/// Hides processes of others where the kernel can; in a namespace of its own there are none to begin with.
fn processes() -> Result<(), Failure> {
    let target = inside("/proc");
    fs::create_dir(&target).at(Step::Proc, "/proc")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    change(Some("proc"), &target, Some("proc"), flags, Some("hidepid=invisible"))
        .or_else(|_| change(Some("proc"), &target, Some("proc"), flags, None))
        .at(Step::Proc, "mount")
}

/// One file system in memory, so that one cap holds for all of it, seen at each place that programs write to.
fn writable(bytes: u64) -> Result<(), Failure> {
    let whole = inside("/writable");
    fs::create_dir(&whole).and_then(|()| in_memory(&whole, bytes)).at(Step::Writable, "mount")?;
    for (part, mode) in [("tmp", 0o1777), ("home", 0o755), ("run", 0o755), ("dev/shm", 0o1777)] {
        let from = whole.join(part.replace('/', "-"));
        folder(&from, mode).at(Step::Writable, part)?;
        bind(&from, &inside(part), NO_SUID | NO_DEV | NO_EXEC).at(Step::Writable, part)?;
    }
    for private in [HOME, RUNTIME_DIR] {
        folder(&inside(private), 0o700).at(Step::Writable, private)?;
    }
    umount2(&whole, MntFlags::MNT_DETACH).at(Step::Writable, "detach")?;
    fs::remove_dir(&whole).at(Step::Writable, "remove")
}

fn show(one: &BindWire) -> Result<(), Failure> {
    let no_exec = if one.no_exec { NO_EXEC } else { 0 };
    bind(&outside(&one.source), &inside(&one.target), READ_ONLY | NO_SUID | NO_DEV | no_exec)
        .at(Step::Binds, display(&one.target))
}

/// The host's tree goes first, then the stage that held it.
fn leave_host() -> Result<(), Failure> {
    change(None, OLD, None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None).at(Step::Pivot, "private")?;
    umount2(OLD, MntFlags::MNT_DETACH).at(Step::Pivot, "detach the host's root")?;
    let stage =
        open("/", OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).at(Step::Pivot, "open")?;
    chdir(NEW).at(Step::Pivot, "chdir")?;
    pivot_root(".", ".").at(Step::Pivot, "pivot_root")?;
    fchdir(&stage).at(Step::Pivot, "fchdir")?;
    umount2(".", MntFlags::MNT_DETACH).at(Step::Pivot, "detach the stage")?;
    chdir("/").at(Step::Pivot, "chdir")
}

fn seal() -> Result<(), Failure> {
    for path in ["/", "/dev"] {
        set_attributes(Path::new(path), READ_ONLY | NO_SUID | NO_DEV | NO_EXEC, 0).at(Step::ReadOnly, path)?;
    }
    Ok(())
}

fn in_memory(at: &Path, bytes: u64) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    change(Some("tmpfs"), at, Some("tmpfs"), flags, Some(&format!("mode=755,size={bytes}")))
}

/// Shows `source` with whatever is mounted below it at `target`, which is made if missing.
fn bind(source: &Path, target: &Path, attributes: u64) -> io::Result<()> {
    make_mount_point(target, fs::metadata(source)?.is_dir())?;
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
    restrict(target, attributes)
}

fn make_mount_point(target: &Path, is_folder: bool) -> io::Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        return Ok(());
    }
    if is_folder {
        return fs::create_dir_all(target);
    }
    put(target, &[], 0o444)
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn folder(path: &Path, mode: u32) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn restrict(target: &Path, attributes: u64) -> io::Result<()> {
    set_attributes(target, attributes, libc::AT_RECURSIVE)
}

/// `mount_setattr`: adds flags, also to what is mounted below, and keeps those that the host locked.
fn set_attributes(target: &Path, set: u64, flags: libc::c_int) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let target = std::ffi::CString::new(target.as_os_str().as_encoded_bytes())?;
    let attributes = Attributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let size = size_of::<Attributes>();
    // SAFETY: the path is zero-terminated, `attributes` has the layout and size that the call is told; both outlive it.
    let done = unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, target.as_ptr(), flags, &raw const attributes, size)
    };
    Errno::result(done).map(drop).map_err(Into::into)
}

fn change(
    source: Option<&str>,
    target: impl AsRef<Path>,
    kind: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> io::Result<()> {
    Ok(mount(source, target.as_ref(), kind, flags, data)?)
}

fn outside(path: impl AsRef<OsStr>) -> PathBuf {
    below(OLD, path.as_ref())
}

fn inside(path: impl AsRef<OsStr>) -> PathBuf {
    below(NEW, path.as_ref())
}

fn below(root: &str, path: &OsStr) -> PathBuf {
    let path = Path::new(path);
    Path::new(root).join(path.strip_prefix("/").unwrap_or(path))
}

fn display(path: &OsStr) -> String {
    path.to_string_lossy().into_owned()
}
