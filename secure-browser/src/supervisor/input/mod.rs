//! Japanese input for the room: fcitx5 with mozc on a message bus of the room's own. What is missing is told, and the
//! workspace opens without it.

mod layout;

use std::path::Path;

use secure_browser_platform::room::FileInRoom;

use super::installed;

pub(super) use layout::name as layout;

/// The bus, as the UI starts it and as every program of the room finds it.
const BUS: &str = "unix:path=/run/room/bus";
/// Folder of settings that belong to the room and cannot be written from inside.
const SETTINGS: &str = "/etc/room";
/// Where distributions put the conversion engine.
const ENGINES: [&str; 3] =
    ["/usr/lib/mozc/mozc_server", "/usr/libexec/mozc/mozc_server", "/usr/lib64/mozc/mozc_server"];
/// The addon that lets fcitx5 use it.
const ADDON: &str = "/usr/share/fcitx5/addon/mozc.conf";

/// What Japanese input needs and is not installed, by the names of Debian's packages; empty if it works.
#[must_use]
pub fn missing() -> Vec<&'static str> {
    let found = [
        ("dbus-daemon", installed("dbus-daemon").is_some()),
        ("fcitx5", installed("fcitx5").is_some()),
        ("fcitx5-mozc", Path::new(ADDON).is_file()),
        ("mozc-server", ENGINES.iter().any(|path| Path::new(path).is_file())),
        ("fcitx5-frontend-gtk3", has_frontend()),
    ];
    found.into_iter().filter(|(_, found)| !found).map(|(name, _)| name).collect()
}

/// GTK's side of fcitx5, below a folder that is named after the machine's architecture.
fn has_frontend() -> bool {
    let inside = "gtk-3.0/3.0.0/immodules/im-fcitx5.so";
    let of_machine = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    [of_machine.as_str(), "/usr/lib64", "/usr/lib"].iter().any(|base| Path::new(base).join(inside).is_file())
}

/// The environment by which the room's programs find it.
pub(super) fn environment() -> [(&'static str, &'static str); 4] {
    [
        ("DBUS_SESSION_BUS_ADDRESS", BUS),
        ("GTK_IM_MODULE", "fcitx"),
        ("XDG_CONFIG_DIRS", SETTINGS),
        // fcitx5 asks the desktop for its look otherwise; there is none.
        ("XDG_CURRENT_DESKTOP", "room"),
    ]
}

/// Its settings, for a keyboard with `layout` and `scale` device pixels for a logical one.
pub(super) fn files(layout: &str, scale: u32) -> Vec<FileInRoom> {
    let file = |path: &str, text: &str| FileInRoom {
        path: format!("{SETTINGS}/{path}").into(),
        mode: 0o444,
        bytes: text.as_bytes().to_vec(),
    };
    vec![
        file("bus.conf", include_str!("bus.conf")),
        file("fcitx5/config", include_str!("keys.conf")),
        file("fcitx5/conf/classicui.conf", &list(scale)),
        file("fcitx5/profile", &profile(layout)),
    ]
}

/// The list of candidates knows device pixels only, so its letters grow with them.
fn list(scale: u32) -> String {
    let sized =
        |text: String, points: u32| text.replace(&format!(" JP {points}\""), &format!(" JP {}\"", points * scale));
    sized(sized(include_str!("list.conf").to_owned(), 12), 10)
}

/// The keyboard as it is, and mozc on top of it.
fn profile(layout: &str) -> String {
    format!(
        "[Groups/0]\nName=Default\nDefault Layout={layout}\nDefaultIM=mozc\n\n[Groups/0/Items/0]\nName=keyboard-{layout}\n\
         Layout=\n\n[Groups/0/Items/1]\nName=mozc\nLayout=\n\n[GroupOrder]\n0=Default\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyboard_is_the_persons_own() {
        assert!(
            profile("jp").contains("Default Layout=jp\n") && profile("us-dvorak").contains("Name=keyboard-us-dvorak\n")
        );
    }

    #[test]
    fn the_list_is_as_large_as_the_page() {
        assert_eq!(list(1), include_str!("list.conf"));
        assert!(list(2).contains("JP 24\"") && list(2).contains("JP 20\"") && !list(2).contains("JP 12\""));
    }

    #[test]
    fn the_bus_denies_calls_before_it_allows_the_input_methods() {
        let bus = include_str!("bus.conf");
        let at = |rule: &str| bus.find(rule).unwrap_or(usize::MAX);
        assert!(at("<deny own=") < at("<allow own="));
        assert!(at("<deny send_type=\"method_call\"/>") < at("<allow send_destination="));
        assert!(!bus.contains("servicedir") && !bus.contains("<standard_session_servicedirs"));
    }
}
