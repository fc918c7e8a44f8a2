//! prosody: the XMPP server behind the chat.

use std::{fmt::Write as _, fs, io, process::Stdio};

use nix::unistd::User;

use super::{Account, CHAT, Layout, ROOMS, UPLOADS};
use crate::harness::process::{ProcessError, Running, command};

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
    Ok(())
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
