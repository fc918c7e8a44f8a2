//! What the computer tells over its system bus (logind): it goes to sleep, its screen is locked. Heard outside the room,
//! in a thread of its own. Source: org.freedesktop.login1(5).

use std::{cell::RefCell, rc::Rc, sync::mpsc as std_mpsc, thread, time::Duration};

use gio::{BusType, Cancellable, DBusCallFlags, DBusConnection, DBusSignalFlags, UnixFDList, prelude::*};
use glib::{MainContext, MainLoop, Variant, VariantDict};
use nix::unistd::Uid;
use tokio::sync::mpsc;

use super::parts::Said;

const LOGIND: &str = "org.freedesktop.login1";
const MANAGER_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Wait before a bus that is not there, or is gone, is looked for again.
const AGAIN: Duration = Duration::from_secs(10);
/// Longest time that sleep is held up for the cover; logind itself waits 5 s at most.
const COVER_WAIT: Duration = Duration::from_secs(3);
/// Longest wait for an answer of logind, in milliseconds.
const ANSWER: i32 = 2_000;

/// What the computer told.
#[derive(Debug)]
pub(super) enum Computer {
    /// It is going to sleep, and waits a moment for the word that the screen is covered; dropping it says so, too.
    Sleeps(std_mpsc::Sender<()>),
    /// Its screen is locked.
    ScreenLocked,
}

/// Tells `say` what the computer tells, as long as the session runs.
pub(super) fn watch(say: mpsc::Sender<Said>) {
    let hear = move || {
        while !say.is_closed() {
            let context = MainContext::new();
            // No bus, or it is gone: `doctor` says so, idleness still covers the screen.
            let _ = context.with_thread_default(|| listen(&say, &context));
            thread::sleep(AGAIN);
        }
    };
    // Without the thread nothing is heard; the clock that counts sleep still covers at waking.
    let _ = thread::Builder::new().name("computer".to_owned()).spawn(hear);
}

/// Whether a logind answers; what was said if not.
pub(super) fn answers() -> Result<(), String> {
    let bus = system_bus().map_err(|error| error.to_string())?;
    property(&bus, MANAGER_PATH, MANAGER, "PreparingForSleep").map(drop).map_err(|error| error.to_string())
}

fn system_bus() -> Result<DBusConnection, glib::Error> {
    let bus = gio::bus_get_sync(BusType::System, Cancellable::NONE)?;
    // A bus that ends is no reason for this process to end.
    bus.set_exit_on_close(false);
    Ok(bus)
}

/// Hears the bus until it is gone.
fn listen(say: &mpsc::Sender<Said>, context: &MainContext) -> Result<(), glib::Error> {
    let bus = system_bus()?;
    let ends = MainLoop::new(Some(context), false);
    let end = ends.clone();
    bus.connect_closed(move |_, _, _| end.quit());
    // Without a brake the cover comes in the moment of falling asleep.
    let brake = Rc::new(RefCell::new(hold_up_sleep(&bus).ok()));
    let tells = say.clone();
    subscribe(&bus, MANAGER, "PrepareForSleep", None, move |bus, _, told| sleep_or_wake(bus, told, &brake, &tells));
    let tells = say.clone();
    subscribe(&bus, SESSION, "Lock", None, move |bus, path, _| {
        if is_own(bus, path) {
            pass_on(&tells, Computer::ScreenLocked);
        }
    });
    let tells = say.clone();
    subscribe(&bus, PROPERTIES, "PropertiesChanged", Some(SESSION), move |bus, path, told| {
        if says_locked(told) && is_own(bus, path) {
            pass_on(&tells, Computer::ScreenLocked);
        }
    });
    if !bus.is_closed() {
        ends.run();
    }
    Ok(())
}

fn subscribe(
    bus: &DBusConnection,
    interface: &str,
    member: &str,
    first: Option<&str>,
    heard: impl Fn(&DBusConnection, &str, &Variant) + 'static,
) {
    let heard =
        move |bus: &DBusConnection, _: &str, path: &str, _: &str, _: &str, told: &Variant| heard(bus, path, told);
    bus.signal_subscribe(Some(LOGIND), Some(interface), Some(member), None, first, DBusSignalFlags::NONE, heard);
}

fn sleep_or_wake(bus: &DBusConnection, told: &Variant, brake: &RefCell<Option<UnixFDList>>, say: &mpsc::Sender<Said>) {
    // What cannot be read is taken for the graver.
    let falls_asleep = told.get::<(bool,)>().is_none_or(|(falls,)| falls);
    if !falls_asleep {
        *brake.borrow_mut() = hold_up_sleep(bus).ok();
        return;
    }
    let (covered, done) = std_mpsc::channel();
    pass_on(say, Computer::Sleeps(covered));
    // Said, dropped or too late: the computer is not held up any longer.
    let _ = done.recv_timeout(COVER_WAIT);
    *brake.borrow_mut() = None;
}

fn pass_on(say: &mpsc::Sender<Said>, told: Computer) {
    // Nobody listens: the session is over.
    let _ = say.blocking_send(Said::Computer(told));
}

/// A descriptor that holds sleep up for as long as it is open.
fn hold_up_sleep(bus: &DBusConnection) -> Result<UnixFDList, glib::Error> {
    let how = ("sleep", "secure-browser", "the screen is covered first", "delay").to_variant();
    let (path, flags, none) = (MANAGER_PATH, DBusCallFlags::NONE, UnixFDList::NONE);
    let answer = bus.call_with_unix_fd_list_sync(
        Some(LOGIND),
        path,
        MANAGER,
        "Inhibit",
        Some(&how),
        None,
        flags,
        ANSWER,
        none,
        Cancellable::NONE,
    );
    answer.map(|(_, descriptors)| descriptors)
}

/// Desktops set this hint when their own lock screen comes up.
fn says_locked(told: &Variant) -> bool {
    let Some(changed) = told.try_child_value(1) else { return false };
    let hint = VariantDict::new(Some(&changed)).lookup_value("LockedHint", None);
    hint.is_some_and(|hint| hint.get::<bool>().unwrap_or(true))
}

/// Whether the session at `path` is one of this person's; unless somebody else's name stands there, it is.
fn is_own(bus: &DBusConnection, path: &str) -> bool {
    let told = property(bus, path, SESSION, "User").ok();
    let user = told.and_then(|user| user.try_child_value(0)?.get::<u32>());
    user.is_none_or(|user| user == Uid::current().as_raw())
}

fn property(bus: &DBusConnection, path: &str, interface: &str, name: &str) -> Result<Variant, glib::Error> {
    let (asked, flags) = ((interface, name).to_variant(), DBusCallFlags::NONE);
    let told =
        bus.call_sync(Some(LOGIND), path, PROPERTIES, "Get", Some(&asked), None, flags, ANSWER, Cancellable::NONE)?;
    let value = told.try_child_value(0).and_then(|boxed| boxed.as_variant());
    value.ok_or_else(|| glib::Error::new(gio::IOErrorEnum::InvalidData, "an answer without a value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(properties: &[(&str, bool)]) -> Variant {
        let dict = VariantDict::new(None);
        for (name, value) in properties {
            dict.insert(name, value);
        }
        let none: &[&str] = &[];
        Variant::tuple_from_iter([SESSION.to_variant(), dict.end(), none.to_variant()])
    }

    #[test]
    fn only_a_hint_that_says_locked_locks() {
        assert!(says_locked(&changed(&[("LockedHint", true)])));
        assert!(says_locked(&changed(&[("IdleHint", false), ("LockedHint", true)])));
        assert!(!says_locked(&changed(&[("LockedHint", false)])));
        assert!(!says_locked(&changed(&[("IdleHint", true)])));
        assert!(!says_locked(&().to_variant()));
    }
}
