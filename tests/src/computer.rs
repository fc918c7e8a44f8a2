//! A computer that sleeps and locks: a private system bus with a logind that says what a test wants, and that tells who
//! holds up its sleep.

use std::{
    fs,
    io::Read,
    path::Path,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use gio::{
    BusNameOwnerFlags, Cancellable, DBusConnection, DBusConnectionFlags, DBusMethodInvocation, DBusNodeInfo,
    UnixFDList, prelude::*,
};
use glib::{MainContext, MainLoop, Variant, VariantDict, variant::ObjectPath};
use installer::harness::process::{Running, command};
use nix::unistd::{Uid, pipe};

use crate::Wrong;

const LOGIND: &str = "org.freedesktop.login1";
const MANAGER: &str = "/org/freedesktop/login1";
const SESSION: &str = "/org/freedesktop/login1/session/_31";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const START: Duration = Duration::from_secs(20);
const BUS: &str = "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN' \
                   'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'><busconfig><type>system</type>\
                   <listen>unix:path=@SOCKET@</listen><auth>EXTERNAL</auth><policy context='default'><allow user='*'/>\
                   <allow own='*'/><allow send_destination='*' eavesdrop='false'/><allow receive_sender='*'/></policy>\
                   </busconfig>";
const INTERFACES: &str = "<node><interface name='org.freedesktop.login1.Manager'>\
                          <property name='PreparingForSleep' type='b' access='read'/><method name='Inhibit'>\
                          <arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='s' direction='in'/>\
                          <arg type='s' direction='in'/><arg type='h' direction='out'/></method></interface>\
                          <interface name='org.freedesktop.login1.Session'>\
                          <property name='User' type='(uo)' access='read'/></interface></node>";

/// A bus with a logind on it.
pub struct Computer {
    address: String,
    bus: DBusConnection,
    brakes: Mutex<mpsc::Receiver<fs::File>>,
    _daemon: Running,
}

impl Computer {
    /// Starts it with its socket in `folder`.
    ///
    /// # Errors
    /// What the bus said.
    pub fn start(folder: &Path) -> Result<Self, Wrong> {
        fs::create_dir_all(folder)?;
        let (socket, config) = (folder.join("system-bus"), folder.join("bus.conf"));
        fs::write(&config, BUS.replace("@SOCKET@", &socket.to_string_lossy()))?;
        let mut daemon = command("dbus-daemon", None);
        daemon.arg(format!("--config-file={}", config.display())).args(["--nofork", "--nopidfile", "--print-address"]);
        let mut daemon = Running::start("dbus-daemon", &mut daemon, &folder.join("bus.log"))?;
        daemon.wait_line("its address", 0, START, |line| line.starts_with("unix:").then_some(()))?;
        let address = format!("unix:path={}", socket.display());
        let (tell, brakes) = mpsc::channel();
        let bus = serve(&address, tell)?;
        Ok(Self { address, bus, brakes: Mutex::new(brakes), _daemon: daemon })
    }

    /// What `DBUS_SYSTEM_BUS_ADDRESS` must say.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Waits for a program that holds up sleep; readable to its end once that lets go.
    ///
    /// # Errors
    /// When none comes.
    pub fn brake(&self) -> Result<fs::File, Wrong> {
        Ok(self.brakes.lock().map_err(|_| "a test has failed")?.recv_timeout(START)?)
    }

    /// Falls asleep (`true`) or wakes up.
    ///
    /// # Errors
    /// What the bus said.
    pub fn sleep(&self, falls: bool) -> Result<(), Wrong> {
        self.tell(MANAGER, "org.freedesktop.login1.Manager", "PrepareForSleep", &(falls,).to_variant())
    }

    /// Asks the session to lock, as `loginctl lock-session` does.
    ///
    /// # Errors
    /// What the bus said.
    pub fn lock(&self) -> Result<(), Wrong> {
        self.tell(SESSION, "org.freedesktop.login1.Session", "Lock", &().to_variant())
    }

    /// The desktop's lock screen has come up.
    ///
    /// # Errors
    /// What the bus said.
    pub fn lock_screen_is_up(&self) -> Result<(), Wrong> {
        let changed = VariantDict::new(None);
        changed.insert("LockedHint", true);
        let none: &[&str] = &[];
        let parts = ["org.freedesktop.login1.Session".to_variant(), changed.end(), none.to_variant()];
        self.tell(SESSION, PROPERTIES, "PropertiesChanged", &Variant::tuple_from_iter(parts))
    }

    fn tell(&self, path: &str, interface: &str, member: &str, body: &Variant) -> Result<(), Wrong> {
        Ok(self.bus.emit_signal(None, path, interface, member, Some(body))?)
    }
}

/// Waits until whoever holds `brake` lets go.
///
/// # Errors
/// What the system said.
pub fn released(mut brake: fs::File) -> Result<(), Wrong> {
    let mut nothing = Vec::new();
    brake.read_to_end(&mut nothing)?;
    Ok(())
}

/// A connection to the bus that answers as logind, in a thread of its own that lives as long as the test's process.
fn serve(address: &str, brakes: mpsc::Sender<fs::File>) -> Result<DBusConnection, Wrong> {
    let (up, wait) = mpsc::channel();
    let address = address.to_owned();
    thread::spawn(move || {
        let context = MainContext::new();
        let _ = context.with_thread_default(|| {
            let _ = up.send(own(&address, brakes).map_err(|error| error.to_string()));
            MainLoop::new(Some(&context), false).run();
        });
    });
    Ok(wait.recv_timeout(START)??)
}

fn own(address: &str, brakes: mpsc::Sender<fs::File>) -> Result<DBusConnection, Wrong> {
    let flags = DBusConnectionFlags::AUTHENTICATION_CLIENT | DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
    let bus = DBusConnection::for_address_sync(address, flags, None, Cancellable::NONE)?;
    let node = DBusNodeInfo::for_xml(INTERFACES)?;
    for (path, interface) in [(MANAGER, "org.freedesktop.login1.Manager"), (SESSION, "org.freedesktop.login1.Session")]
    {
        let info = node.lookup_interface(interface).ok_or("no such interface")?;
        let brakes = Mutex::new(brakes.clone());
        let called = move |_: DBusConnection, _: &str, _: &str, _: &str, _: &str, _: Variant, call| {
            if let Ok(brakes) = brakes.lock() {
                hold_up(call, &brakes);
            }
        };
        bus.register_object(path, &info, called, |_, _, _, _, name| answer(name), |_, _, _, _, _, _| false)?;
    }
    let asked = (LOGIND, BusNameOwnerFlags::NONE.bits()).to_variant();
    let (name, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    let flags = gio::DBusCallFlags::NONE;
    bus.call_sync(Some(name), path, name, "RequestName", Some(&asked), None, flags, 5_000, Cancellable::NONE)?;
    Ok(bus)
}

fn answer(property: &str) -> Variant {
    let user = || ObjectPath::try_from("/org/freedesktop/login1/user/_1".to_owned()).ok();
    match (property, user()) {
        ("User", Some(user)) => (Uid::current().as_raw(), user).to_variant(),
        _ => false.to_variant(),
    }
}

/// Answers `Inhibit` with one end of a pipe and keeps the other.
fn hold_up(call: DBusMethodInvocation, brakes: &mpsc::Sender<fs::File>) {
    let Ok((here, there)) = pipe() else { return };
    let descriptors = UnixFDList::from_array([there]);
    let body = Variant::tuple_from_iter([glib::variant::Handle(0).to_variant()]);
    let _ = brakes.send(here.into());
    call.return_value_with_unix_fd_list(Some(&body), Some(&descriptors));
}
