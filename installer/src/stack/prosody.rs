//! prosody: the XMPP server behind the chat.

use std::{fmt::Write as _, fs, io, path::Path, process::Stdio};

use nix::unistd::User;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Account, CHAT, Layout, ROOM, ROOMS, UPLOADS};
use crate::harness::process::{ProcessError, Running, command};

/// Name of the room, for people.
const TITLE: &str = "在宅ケアチーム";
/// What was said in the room before: minutes ago, by whom, what.
const SAID: [(i64, &str, &str); 3] = [
    (50, "佐藤(医師)", "本日の往診は14時に変更をお願いします。"),
    (41, "田中(薬剤師)", "承知しました。お薬は13時半にお届けします。"),
    (12, "鈴木(訪問看護)", "血圧は落ち着いています。ご家族にも変更を伝えました。"),
];
/// Largest picture in bytes.
const UPLOAD_MAX: u32 = 10 << 20;

pub fn write(layout: &Layout<'_>) -> io::Result<()> {
    fs::write(layout.folder.join("prosody.cfg.lua"), configuration(layout))?;
    let accounts = layout.folder.join("messages").join(escaped(CHAT)).join("accounts");
    fs::create_dir_all(&accounts)?;
    for Account { jid, password } in &layout.users {
        let name = jid.split('@').next().unwrap_or_default();
        fs::write(accounts.join(format!("{name}.dat")), format!("return {{ [\"password\"] = \"{password}\"; }};\n"))?;
    }
    write_room(&layout.folder.join("messages").join(escaped(ROOMS)))
}

/// A room that has been talked in already.
fn write_room(folder: &Path) -> io::Result<()> {
    let room = format!("{ROOM}@{ROOMS}");
    for part in ["config", "muc_log"] {
        fs::create_dir_all(folder.join(part))?;
    }
    fs::write(folder.join("persistent.dat"), format!("return {{ [\"{room}\"] = true; }};\n"))?;
    let settings = format!("[\"name\"] = \"{TITLE}\"; [\"persistent\"] = true; [\"public\"] = true;");
    let config = format!("return {{ [\"_jid\"] = \"{room}\"; [\"_data\"] = {{ {settings} }}; }};\n");
    fs::write(folder.join(format!("config/{ROOM}.dat")), config)?;
    let now = OffsetDateTime::now_utc();
    let said = SAID.iter().enumerate().map(|(number, (minutes, who, words))| {
        said(number, now - time::Duration::minutes(*minutes), &format!("{room}/{who}"), words)
    });
    fs::write(folder.join(format!("muc_log/{ROOM}.list")), said.collect::<String>())
}

/// A message as prosody's archive keeps it.
fn said(number: usize, at: OffsetDateTime, from: &str, words: &str) -> String {
    let (id, when) = (format!("said-before-{number}"), at.unix_timestamp());
    let stamp = at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default();
    format!(
        r#"item({{
  {{ "{words}"; ["attr"] = {{}}; ["name"] = "body"; }};
  ["name"] = "message"; ["when"] = {when}; ["with"] = "message<groupchat"; ["key"] = "{id}";
  ["attr"] = {{ ["stamp"] = "{stamp}"; ["type"] = "groupchat"; ["id"] = "{id}"; ["from"] = "{from}"; }};
}});
"#
    )
}

pub fn start(layout: &Layout<'_>, user: Option<&User>) -> Result<Running, ProcessError> {
    let mut prosody = command("prosody", user);
    prosody.arg("-F").arg("--config").arg(layout.folder.join("prosody.cfg.lua"));
    prosody.current_dir(layout.folder).stdin(Stdio::null());
    Running::start("prosody", &mut prosody, &layout.folder.join("prosody.err"))
}

/// A host name as prosody writes it in file names.
fn escaped(host: &str) -> String {
    host.chars().fold(String::new(), |mut out, char| {
        if char.is_ascii_alphanumeric() {
            out.push(char);
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{:02x}", u32::from(char));
        }
        out
    })
}

fn configuration(layout: &Layout<'_>) -> String {
    let folder = layout.folder.display();
    let (port, chat_port) = (layout.port, layout.chat_port);
    format!(
        r#"-- Written by the installer for one run.
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/messages"
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = "{folder}/prosody.log" }} }}
plugin_paths = {{}}
modules_enabled = {{
  "disco"; "roster"; "saslauth"; "carbons"; "pep"; "private"; "blocklist"; "bookmarks"; "vcard4"; "vcard_legacy";
  "ping"; "time"; "version"; "smacks"; "csi_simple"; "mam"; "websocket"; "http"; "posix";
}}
modules_disabled = {{ "s2s"; "tls" }}
c2s_ports = {{}}
c2s_direct_tls_ports = {{}}
certificates = "{folder}"
interfaces = {{ "127.0.0.1" }}
http_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {chat_port} }}
https_ports = {{}}
trusted_proxies = {{ "127.0.0.1" }}
consider_websocket_secure = true
authentication = "internal_plain"
storage = "internal"

VirtualHost "{CHAT}"
  disco_items = {{ {{ "{UPLOADS}", "Pictures" }}, {{ "{ROOMS}", "Rooms" }} }}

Component "{ROOMS}" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_room_locking = false
  muc_room_default_persistent = true
  muc_room_default_public = true
  muc_log_by_default = true

Component "{UPLOADS}" "http_file_share"
  http_external_url = "https://{UPLOADS}:{port}/"
  http_file_share_size_limit = {UPLOAD_MAX}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_escaped_as_prosody_does() {
        assert_eq!(escaped(CHAT), "chat%2ecare%2etest");
    }
}
