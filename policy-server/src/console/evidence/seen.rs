//! What the organisation can see of a person's device: every field of every message that a device sends, each with its
//! plain sentence. A test holds the list against the messages themselves.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    console::{
        page::{self, Page},
        visit::Visit,
    },
    server::Server,
};

/// Fields of messages from devices: message, field, sentence. A sentence says what is seen and what for.
pub const FIELDS: &[(&str, &str, &str)] = &[
    ("EnrollBegin", "invitation", "pages-seen-invitation"),
    ("EnrollBegin", "code", "pages-seen-invitation"),
    ("EnrollBegin", "proof", "pages-seen-invitation"),
    ("EnrollBegin", "device_key", "pages-seen-keys"),
    ("EnrollBegin", "registration", "pages-seen-pin"),
    ("EnrollFinish", "nonce", "pages-seen-invitation"),
    ("EnrollFinish", "invitation", "pages-seen-invitation"),
    ("EnrollFinish", "code", "pages-seen-invitation"),
    ("EnrollFinish", "registration", "pages-seen-pin"),
    ("EnrollFinish", "tombstone_key", "pages-seen-keys"),
    ("EnrollFinish", "label", "pages-seen-label"),
    ("EnrollFinish", "facts", "pages-seen-facts"),
    ("EnrollFinish", "evidence", "pages-seen-keys"),
    ("DeviceFacts", "os", "pages-seen-facts"),
    ("DeviceFacts", "platform", "pages-seen-facts"),
    ("DeviceFacts", "version", "pages-seen-facts"),
    ("DeviceFacts", "posture", "pages-seen-posture"),
    ("PostureFacts", "system", "pages-seen-facts"),
    ("PostureFacts", "system_version", "pages-seen-facts"),
    ("PostureFacts", "disk_encryption", "pages-seen-posture"),
    ("PostureFacts", "screen_lock", "pages-seen-posture"),
    ("PostureFacts", "secure_boot", "pages-seen-posture"),
    ("PostureFacts", "rooted", "pages-seen-posture"),
    ("PostureFacts", "debugger", "pages-seen-posture"),
    ("PostureFacts", "plain_swap", "pages-seen-posture"),
    ("PostureFacts", "screen_readers", "pages-seen-posture"),
    ("Hello", "device", "pages-seen-id"),
    ("Hello", "epoch", "pages-seen-id"),
    ("SignedRequest", "device", "pages-seen-id"),
    ("SignedRequest", "epoch", "pages-seen-id"),
    ("SignedRequest", "nonce", "pages-seen-keys"),
    ("SignedRequest", "body", "pages-seen-keys"),
    ("SignedRequest", "signature", "pages-seen-keys"),
    ("UnlockStart", "request", "pages-seen-pin"),
    ("UnlockFinish", "finalization", "pages-seen-pin"),
    ("UnlockFinish", "held", "pages-seen-held"),
    ("UnlockFinish", "facts", "pages-seen-facts"),
    ("UnlockFinish", "evidence", "pages-seen-evidence"),
    ("Renew", "evidence", "pages-seen-evidence"),
    ("Renew", "held", "pages-seen-held"),
    ("Renew", "facts", "pages-seen-facts"),
    ("Held", "boundary", "pages-seen-held"),
    ("Held", "policy", "pages-seen-held"),
    ("UnlockFinish", "seen", "pages-seen-log"),
    ("Renew", "seen", "pages-seen-log"),
    ("Seen", "size", "pages-seen-log"),
    ("Seen", "restart", "pages-seen-log"),
    ("Seen", "pins", "pages-seen-log"),
    ("Alarm", "seen_size", "pages-seen-log"),
    ("Alarm", "seen_root", "pages-seen-log"),
    ("Alarm", "shown", "pages-seen-log"),
    ("ReceiptUpload", "receipt", "pages-seen-receipt"),
    ("Receipt", "device", "pages-seen-receipt"),
    ("Receipt", "epoch", "pages-seen-receipt"),
    ("Receipt", "seq", "pages-seen-receipt"),
    ("Receipt", "stage", "pages-seen-receipt"),
    ("Receipt", "at", "pages-seen-receipt"),
    ("FromDevice", "Held", "pages-seen-held"),
    ("FromDevice", "Receipt", "pages-seen-receipt"),
    ("FromDevice", "PolicyInForce", "pages-seen-held"),
    ("FromDevice", "PolicyRefused", "pages-seen-held"),
    ("FromDevice", "Event", "pages-seen-event"),
    ("DeviceEvent", "at", "pages-seen-event"),
    ("DeviceEvent", "kind", "pages-seen-event"),
    ("DeviceEvent", "reason", "pages-seen-event"),
    ("DeviceEvent", "host", "pages-seen-host"),
    ("DeviceEventKind", "SessionOpened", "pages-seen-session"),
    ("DeviceEventKind", "SessionWiped", "pages-seen-session"),
    ("DeviceEventKind", "Blocked", "pages-seen-host"),
    ("DeviceEventKind", "AccessWished", "pages-seen-host"),
];

/// A sentence with the fields it is about.
pub struct Seen {
    /// The sentence.
    pub text: String,
    /// The fields, as the program names them.
    pub fields: String,
}

/// All sentences, each once, in the order of the list.
pub fn all(page: &Page) -> Vec<Seen> {
    let mut ids: Vec<&str> = Vec::new();
    for (_, _, id) in FIELDS {
        if !ids.contains(id) {
            ids.push(id);
        }
    }
    let fields = |id: &str| {
        let of: Vec<_> =
            FIELDS.iter().filter(|(_, _, held)| *held == id).map(|(of, f, _)| format!("{of}.{f}")).collect();
        of.join(", ")
    };
    ids.into_iter().map(|id| Seen { text: page.t(id), fields: fields(id) }).collect()
}

#[derive(Template)]
#[template(path = "seen.html")]
struct SeenPage {
    page: Page,
    seen: Vec<Seen>,
}

/// Shows the list; for staff too, so that nobody need sign in.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    let page = Page::new(&server, &visit, "pages-seen-title");
    page::html(&SeenPage { seen: all(&page), page })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::FIELDS;

    const SOURCES: [&str; 4] = [
        include_str!("../../../protocol/src/device_api.rs"),
        include_str!("../../../protocol/src/posture.rs"),
        include_str!("../../../protocol/src/push.rs"),
        include_str!("../../../protocol/src/documents.rs"),
    ];

    /// Messages that go to devices, or that a device only passes on as it got them.
    const TO_DEVICES: [&str; 21] = [
        "EnrollBeginReply",
        "HelloReply",
        "UnlockStartReply",
        "Admission",
        "ReceiptReply",
        "Refusal",
        "ToDevice",
        "KeyCertificate",
        "LogWord",
        "LogRestart",
        "Restarted",
        "ServerPins",
        "ServerPin",
        "BoundaryDocument",
        "PolicyDocument",
        "Lease",
        "Command",
        "Action",
        "Stage",
        "Evidence",
        "ProtocolError",
    ];

    /// The fields of every message type of the protocol's source, and the variants of every enum.
    fn fields() -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for source in SOURCES {
            let mut of: Option<String> = None;
            for line in source.lines() {
                let head = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
                if let Some(rest) = head.filter(|rest| rest.ends_with('{')) {
                    of = rest.split([' ', '{']).next().map(str::to_owned);
                } else if line == "}" {
                    of = None;
                } else if let (Some(of), Some(inner)) = (&of, line.strip_prefix("    ")) {
                    let variant = inner.starts_with(|c: char| c.is_ascii_uppercase());
                    let field = inner.strip_prefix("pub ").or(variant.then_some(inner));
                    let name = field.and_then(|field| field.split([':', ',', '(', ' ']).next());
                    found.extend(name.map(|name| (of.clone(), name.to_owned())));
                }
            }
        }
        found.into_iter().filter(|(of, _)| !TO_DEVICES.contains(&of.as_str())).collect()
    }

    #[test]
    fn every_field_that_a_device_sends_is_told_and_no_other() {
        let told: BTreeSet<_> = FIELDS.iter().map(|(of, field, _)| ((*of).to_owned(), (*field).to_owned())).collect();
        let sent = fields();
        assert!(sent.len() > 40, "the search is broken: {sent:?}");
        let missing: Vec<_> = sent.difference(&told).collect();
        assert!(missing.is_empty(), "devices send what the page for staff does not tell: {missing:?}");
        let gone: Vec<_> = told.difference(&sent).collect();
        assert!(gone.is_empty(), "the page for staff tells what no device sends: {gone:?}");
    }
}
