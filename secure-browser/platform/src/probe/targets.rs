//! What to try to reach.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

/// Most abstract sockets of the host that are tried.
const ABSTRACT_MAX: usize = 128;
/// Addresses of documentation networks (RFC 5737, RFC 3849): nobody answers, but outside the kernel has a route.
const NOWHERE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// What to try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Connect.
    pub tcp: Vec<SocketAddr>,
    /// Send one byte.
    pub udp: Vec<SocketAddr>,
    /// Resolve.
    pub names: Vec<String>,
    /// Connect to a Unix socket with a path.
    pub unix: Vec<PathBuf>,
    /// Connect to an abstract Unix socket, named without the leading zero byte.
    pub abstracts: Vec<String>,
    /// Connect: context id and port.
    pub vsock: Vec<(u32, u32)>,
    /// Open for reading, or list.
    pub read: Vec<PathBuf>,
    /// Open for writing, or make a file in.
    pub write: Vec<PathBuf>,
    /// Try the system calls that a room refuses.
    pub calls: bool,
}

/// An argument of `__probe` that is none.
#[derive(Debug, thiserror::Error)]
#[error("not an argument of the probe: {0}")]
pub struct ArgumentError(String);

impl Targets {
    /// What a process of this user can see on this host and a room must not: buses, displays, networks.
    #[must_use]
    pub fn of_this_host() -> Self {
        Self {
            tcp: NOWHERE.iter().map(|address| SocketAddr::new(*address, 80)).collect(),
            udp: NOWHERE.iter().map(|address| SocketAddr::new(*address, 53)).collect(),
            names: vec!["example.com".to_owned()],
            unix: host_sockets().into_iter().collect(),
            abstracts: abstract_sockets(),
            vsock: vec![(2, 1024)],
            read: host_files(),
            calls: true,
            ..Self::default()
        }
    }

    /// Without those paths, which a room shows or makes on purpose, and what leads to them or is below.
    #[must_use]
    pub fn without(mut self, shown: &[PathBuf]) -> Self {
        let kept = |path: &PathBuf| !shown.iter().any(|shown| path.starts_with(shown) || shown.starts_with(path));
        self.unix.retain(kept);
        self.read.retain(kept);
        self
    }

    /// Reads pairs such as `--tcp 192.0.2.1:80 --unix /run/x --abstract name --vsock 2:1024 --read / --write /usr
    /// --name example.com`, and `--calls` alone.
    ///
    /// # Errors
    /// The argument that is none.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, ArgumentError> {
        let mut targets = Self::default();
        let mut args = args.into_iter();
        while let Some(flag) = args.next() {
            let flag = flag.to_string_lossy().into_owned();
            if flag == "--calls" {
                targets.calls = true;
                continue;
            }
            let value = args.next().and_then(|value| value.into_string().ok());
            let taken = value.as_deref().and_then(|value| targets.take(&flag, value));
            taken.ok_or_else(|| ArgumentError(format!("{flag} {}", value.unwrap_or_default())))?;
        }
        Ok(targets)
    }

    fn take(&mut self, flag: &str, value: &str) -> Option<()> {
        match flag {
            "--tcp" => self.tcp.push(value.parse().ok()?),
            "--udp" => self.udp.push(value.parse().ok()?),
            "--name" => self.names.push(value.to_owned()),
            "--unix" => self.unix.push(value.into()),
            "--abstract" => self.abstracts.push(value.to_owned()),
            "--vsock" => {
                let (context, port) = value.split_once(':')?;
                self.vsock.push((context.parse().ok()?, port.parse().ok()?));
            }
            "--read" => self.read.push(value.into()),
            "--write" => self.write.push(value.into()),
            _ => return None,
        }
        Some(())
    }
}

/// What tells of the host or its people: the person's own folder, others', keys, logs, resolver.
fn host_files() -> Vec<PathBuf> {
    let fixed = ["/root", "/mnt", "/media", "/srv", "/boot", "/opt", "/var/lib", "/var/log", "/var/tmp", "/etc/shadow"];
    let names = ["/etc/resolv.conf", "/etc/hostname", "/etc/ssh", "/etc/pki", "/etc/ca-certificates"];
    let mut files: Vec<PathBuf> = fixed.iter().chain(&names).map(PathBuf::from).collect();
    files.extend(env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute() && home.to_str().is_some()));
    files
}

/// Display, bus, sound and name service sockets, whether they are there now or not.
fn host_sockets() -> BTreeSet<PathBuf> {
    let fixed = [
        "/tmp/.X11-unix/X0",
        "/run/dbus/system_bus_socket",
        "/run/nscd/socket",
        "/run/systemd/journal/socket",
        "/run/docker.sock",
    ];
    let mut sockets: BTreeSet<PathBuf> = fixed.iter().map(PathBuf::from).collect();
    for display in fs::read_dir("/tmp/.X11-unix").into_iter().flatten().flatten() {
        sockets.insert(display.path());
    }
    if let Some(runtime) = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        let names = ["bus", "wayland-0", "wayland-1", "pulse/native", "pipewire-0", "at-spi/bus"];
        sockets.extend(names.iter().map(|name| runtime.join(name)));
    }
    sockets.extend(bus_path(env::var("DBUS_SESSION_BUS_ADDRESS").ok().as_deref()));
    sockets.retain(|path| path.is_absolute() && path.to_str().is_some());
    sockets
}

fn bus_path(address: Option<&str>) -> Option<PathBuf> {
    let part = address?.split([':', ',', ';']).find_map(|part| part.strip_prefix("path="))?;
    Some(PathBuf::from(part))
}

/// The display's always, and what else listens now.
fn abstract_sockets() -> Vec<String> {
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let listening = table.lines().filter_map(|line| line.split_once('@')).map(|(_, name)| name.to_owned());
    let mut names: BTreeSet<String> = listening.filter(|name| !name.is_empty()).take(ABSTRACT_MAX).collect();
    names.insert("/tmp/.X11-unix/X0".to_owned());
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    fn parsed(text: &str) -> Result<Targets, ArgumentError> {
        Targets::parse(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn arguments_name_targets() {
        let targets = parsed("--tcp 127.0.0.1:1 --udp [::1]:2 --unix /a --abstract b --vsock 2:3 --calls").unwrap();
        assert_eq!(targets.tcp, ["127.0.0.1:1".parse().unwrap()]);
        assert_eq!(targets.udp, ["[::1]:2".parse().unwrap()]);
        assert_eq!((targets.unix, targets.abstracts), (vec!["/a".into()], vec!["b".to_owned()]));
        assert_eq!((targets.vsock, targets.calls), (vec![(2, 3)], true));
    }

    #[test]
    fn what_is_no_argument_is_refused() {
        for wrong in ["--tcp", "--tcp nowhere", "--vsock 2", "--else x", "x"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_room_shows_on_purpose_is_not_a_target() {
        let targets = Targets { unix: vec!["/tmp/.X11-unix/X7".into(), "/run/bus".into()], ..Targets::default() };
        let left = targets.without(&["/tmp/.X11-unix/X7".into()]);
        assert_eq!(left.unix, [Path::new("/run/bus")]);
    }

    #[test]
    fn the_session_bus_is_found_in_its_address() {
        assert_eq!(bus_path(Some("unix:path=/run/user/7/bus,guid=0")), Some("/run/user/7/bus".into()));
        assert_eq!(bus_path(Some("unix:abstract=/tmp/dbus-x")), None);
        assert_eq!(bus_path(None), None);
    }
}
