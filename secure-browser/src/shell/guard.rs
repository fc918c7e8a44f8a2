//! The policy in force, as the UI's own second lock: it judges navigations and powers before the broker judges them
//! again. Nothing in force means that nothing is allowed.

use std::{cell::RefCell, rc::Rc};

use url::Url;
use workspace_policy::{Denied, Download, Kind, Permit, Request, System, Upload, VerifiedBoundary, VerifiedPolicy};
use workspace_protocol::{
    ids::{UnixTime, Version},
    reason::Reason,
};

use workspace_words::Lang;

use crate::{
    ipc::Bundle,
    portal::model::{Engine, Tile},
};

/// What is in force, shared by all hooks of the engine.
#[derive(Clone, Default)]
pub struct Guard(Rc<RefCell<Option<VerifiedPolicy>>>);

/// Why a navigation was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// Nearest rule, for people.
    pub rule: Option<String>,
}

/// What the system of a page may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// Camera.
    pub camera: bool,
    /// Microphone.
    pub microphone: bool,
    /// Location.
    pub location: bool,
}

impl Guard {
    /// Verifies `bundle` and puts it in force. What was in force before stays if it does not verify.
    ///
    /// # Errors
    /// The reason, as people are told it.
    pub fn enforce(&self, bundle: &Bundle) -> Result<(), Reason> {
        let now = now();
        // Versions count within a group.
        let held =
            self.0.borrow().as_ref().filter(|policy| *policy.group() == bundle.group).map(VerifiedPolicy::version);
        let held = held.unwrap_or(Version(0));
        let boundary = VerifiedBoundary::verify(&bundle.boundary, &bundle.root, Version(0), now)
            .map_err(|error| error.reason())?;
        let policy = VerifiedPolicy::verify(
            &bundle.policy,
            &bundle.key_certificate,
            &bundle.root,
            &boundary,
            Some(&bundle.group),
            held,
            now,
        );
        *self.0.borrow_mut() = Some(policy.map_err(|error| error.reason())?);
        Ok(())
    }

    /// Judges a navigation from `page` to `url`: as `kind`, or as page and as frame where the engine does not say which
    /// it is.
    ///
    /// # Errors
    /// Why not.
    pub fn navigation(&self, url: &str, page: &str, kind: Option<Kind>) -> Result<(), Refused> {
        if url == "about:blank" {
            return Ok(());
        }
        let as_page = self.judge(url, page, kind.unwrap_or(Kind::Document));
        match (as_page, kind) {
            (Err(refused), None) => self.judge(url, page, Kind::Frame).map_err(|_| refused),
            (judged, _) => judged,
        }
    }

    fn judge(&self, url: &str, page: &str, kind: Kind) -> Result<(), Refused> {
        let refused = |reason| Refused { reason, rule: None };
        let url = Url::parse(url).map_err(|_| refused(Reason::UrlUnparsable))?;
        let policy = self.0.borrow();
        let policy = policy.as_ref().ok_or_else(|| refused(Reason::PolicyMissing))?;
        let (request, now) = (Request { url: &url, kind }, now());
        // What stays inside the engine (blob:, data: in a frame) is judged by the page it belongs to.
        let judged = match permit(policy, page, now) {
            Some(page) => policy.decide_inside(&request, &page, now).map(drop),
            None => policy.decide(&request, now).map(drop),
        };
        judged.map_err(|Denied { reason, rule }| Refused { reason, rule })
    }

    /// What the system of the page at `url` may use; nothing if the page is not allowed.
    #[must_use]
    pub fn powers(&self, url: &str) -> Powers {
        self.of_system(url, |system| Powers {
            camera: system.camera,
            microphone: system.microphone,
            location: system.geolocation,
        })
        .unwrap_or_default()
    }

    /// Title of the system of the page at `url`.
    #[must_use]
    pub fn title_of(&self, url: &str, lang: Lang) -> Option<String> {
        self.of_system(url, |system| match lang {
            Lang::Ja => system.title.ja.clone(),
            Lang::En => system.title.en.clone(),
        })
    }

    fn of_system<T>(&self, url: &str, read: impl FnOnce(&System) -> T) -> Option<T> {
        let policy = self.0.borrow();
        permit(policy.as_ref()?, url, now()).map(|permit| read(permit.system()))
    }

    /// Group of systems among which a page at `url` may copy and paste.
    #[must_use]
    pub fn clipboard_group(&self, url: &str) -> Option<String> {
        self.of_system(url, |system| system.clipboard_group.clone())
    }

    /// Whether anything may be copied inside the workspace.
    #[must_use]
    pub fn copies_inside(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|policy| policy.policy().clipboard().inside)
    }

    /// Whether what is copied on the device may be pasted in.
    #[must_use]
    pub fn pastes_in(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|policy| policy.policy().clipboard().paste_in)
    }

    /// What the page at `url` may be sent.
    #[must_use]
    pub fn uploads(&self, url: &str) -> Upload {
        self.of_system(url, |system| system.upload).unwrap_or(Upload::None)
    }

    /// Whether a file at `url` is shown instead of saved.
    #[must_use]
    pub fn shows_files(&self, url: &str) -> bool {
        self.of_system(url, |system| system.download == Download::View).unwrap_or_default()
    }

    /// Whether user and time are to be drawn over pages.
    #[must_use]
    pub fn watermark(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|policy| policy.policy().screen().watermark)
    }

    /// Where the tile of system `id` leads.
    #[must_use]
    pub fn start_of(&self, id: &str) -> Option<String> {
        let policy = self.0.borrow();
        policy.as_ref()?.policy().system(id).map(|system| system.start.to_string())
    }

    /// Version of the policy in force; 0 if there is none.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.borrow().as_ref().map_or(0, |policy| policy.version().0)
    }

    /// The tiles of the policy in force; those that cannot be opened here come last.
    #[must_use]
    pub fn tiles(&self) -> Vec<Tile> {
        let policy = self.0.borrow();
        let Some(policy) = policy.as_ref().map(VerifiedPolicy::policy) else { return Vec::new() };
        let engine = Engine::here(policy);
        let mut tiles: Vec<Tile> = policy.systems().iter().map(|system| Tile::of(system, engine)).collect();
        tiles.sort_by_key(|tile| tile.unavailable.is_some());
        tiles
    }
}

fn permit(policy: &VerifiedPolicy, page: &str, now: UnixTime) -> Option<Permit> {
    let url = Url::parse(page).ok()?;
    policy.decide(&Request { url: &url, kind: Kind::Document }, now).ok()
}

fn now() -> UnixTime {
    let seconds = secure_browser_platform::clock::wall().as_secs();
    UnixTime(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_bytes::ByteBuf;
    use workspace_protocol::{
        crypto::SigningKey,
        documents::{BoundaryDocument, KeyCertificate, PolicyDocument},
        envelope::{self, Kind as Envelope},
    };

    const BOUNDARY: &str = r#"
        schema = 1
        allow = ["example.jp"]
        lease_max = "24h"
        attestation_minimum = "software"
        permissions = ["camera"]
    "#;
    const POLICY: &str = r#"
        schema = 1
        name = "care"
        [[system]]
        id = "chat"
        title = { ja = "連携", en = "Chat" }
        kind = "collaboration"
        start = "https://chat.example.jp/"
        allow = ["chat.example.jp", { url = "embed.example.jp", as = ["frame"] }]
        camera = true
        [[system]]
        id = "call"
        title = { ja = "会議", en = "Call" }
        kind = "meeting"
        start = "https://call.example.jp/"
        allow = ["call.example.jp"]
        [[system]]
        id = "map"
        title = { ja = "地図", en = "Map" }
        kind = "map"
        start = "https://map.example.jp/"
        allow = ["map.example.jp"]
    "#;
    const CHAT: &str = "https://chat.example.jp/room";

    fn bundle(version: u64) -> Bundle {
        let (root, online) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let (issued_at, expires_at) = (now().plus(-60), now().plus(3600));
        let version = Version(version);
        let boundary = BoundaryDocument { version, issued_at, expires_at, toml: BOUNDARY.to_owned() };
        let group = "staff".parse().unwrap();
        let policy = PolicyDocument { group, version, issued_at, expires_at, toml: POLICY.to_owned() };
        let certificate = KeyCertificate {
            org: "org".to_owned(),
            key: online.verifying_key(),
            not_before: issued_at,
            not_after: expires_at,
        };
        Bundle {
            root: root.verifying_key(),
            group: "staff".parse().unwrap(),
            boundary: ByteBuf::from(envelope::sign(Envelope::Boundary, &boundary, &root)),
            policy: ByteBuf::from(envelope::sign(Envelope::Policy, &policy, &online)),
            key_certificate: ByteBuf::from(envelope::sign(Envelope::KeyCertificate, &certificate, &root)),
        }
    }

    fn in_force() -> Guard {
        let guard = Guard::default();
        guard.enforce(&bundle(3)).unwrap();
        guard
    }

    fn reason(judged: Result<(), Refused>) -> Option<Reason> {
        judged.err().map(|refused| refused.reason)
    }

    #[test]
    fn without_a_policy_nothing_is_allowed() {
        let guard = Guard::default();
        assert_eq!(reason(guard.navigation(CHAT, "", None)), Some(Reason::PolicyMissing));
        assert_eq!(guard.powers(CHAT), Powers::default());
        assert!(guard.tiles().is_empty());
    }

    #[test]
    fn what_may_be_framed_may_not_be_a_page() {
        let (guard, embed) = (in_force(), "https://embed.example.jp/x");
        assert_eq!(guard.navigation(embed, CHAT, None), Ok(()));
        assert_eq!(guard.navigation(embed, CHAT, Some(Kind::Frame)), Ok(()));
        assert_eq!(reason(guard.navigation(embed, CHAT, Some(Kind::Document))), Some(Reason::ResourceKind));
    }

    #[test]
    fn local_addresses_are_judged_by_the_page_they_belong_to() {
        let guard = in_force();
        let data = "data:text/html,x";
        assert_eq!(guard.navigation(data, CHAT, Some(Kind::Frame)), Ok(()));
        assert_eq!(reason(guard.navigation(data, CHAT, Some(Kind::Document))), Some(Reason::SchemeNever));
        assert_eq!(reason(guard.navigation(data, "https://evil.example/", None)), Some(Reason::SchemeNever));
        assert_eq!(reason(guard.navigation("blob:https://evil.example/1", CHAT, None)), Some(Reason::OriginNotListed));
        for never in ["file:///etc/passwd", "javascript:alert(1)", "mailto:a@b.jp", "workspace://portal/"] {
            assert_eq!(reason(guard.navigation(never, CHAT, None)), Some(Reason::SchemeNever), "{never}");
        }
    }

    #[test]
    fn powers_are_those_of_the_system_on_top() {
        let guard = in_force();
        assert_eq!(guard.powers(CHAT), Powers { camera: true, ..Powers::default() });
        assert_eq!(guard.powers("https://map.example.jp/"), Powers::default());
        assert_eq!(guard.powers("https://evil.example/"), Powers::default());
    }

    #[test]
    fn a_bundle_that_does_not_verify_leaves_the_old_one_in_force() {
        let guard = in_force();
        let mut broken = bundle(4);
        broken.policy = ByteBuf::from(b"x".to_vec());
        assert!(guard.enforce(&broken).is_err());
        assert_eq!(guard.enforce(&bundle(2)), Err(Reason::PolicyRollback));
        assert_eq!(guard.version(), 3);
        assert_eq!(guard.navigation(CHAT, "", None), Ok(()));
    }

    #[test]
    fn tiles_that_cannot_be_opened_come_last_and_ids_lead_to_their_start() {
        let guard = in_force();
        let ids: Vec<String> = guard.tiles().into_iter().map(|tile| tile.id).collect();
        assert_eq!(ids, ["chat", "map", "call"]);
        assert_eq!(guard.start_of("map").as_deref(), Some("https://map.example.jp/"));
        assert_eq!(guard.start_of("evil"), None);
    }
}
