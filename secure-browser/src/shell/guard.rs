//! The policy in force, as the UI's own second lock: it judges navigations and powers before the broker judges them
//! again. Nothing in force means that nothing is allowed.

use std::{cell::RefCell, rc::Rc};

use url::Url;
use workspace_policy::{Denied, Kind, Permit, Request, System, VerifiedBoundary, VerifiedPolicy};
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
        let held = self.0.borrow().as_ref().map_or(Version(0), VerifiedPolicy::version);
        let group = self.0.borrow().as_ref().map(|policy| policy.group().clone());
        let boundary = VerifiedBoundary::verify(&bundle.boundary, &bundle.root, Version(0), now)
            .map_err(|error| error.reason())?;
        let policy = VerifiedPolicy::verify(
            &bundle.policy,
            &bundle.key_certificate,
            &bundle.root,
            &boundary,
            group.as_ref(),
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
        let systems = policy.iter().flat_map(|policy| policy.policy().systems());
        let mut tiles: Vec<Tile> = systems.map(|system| Tile::of(system, Engine::HERE)).collect();
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
