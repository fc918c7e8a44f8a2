//! Tokens of programs that use the API: what one may do, how it is written, when it is good. Pure.
//!
//! A token is a random secret of 256 bits with a public id in front. Only the secret's hash is kept: there is nothing to
//! guess, so a plain hash is enough, and a stolen database opens nothing.

use workspace_protocol::{
    crypto::{CryptoError, random, same, sha256},
    ids::UnixTime,
};
use zeroize::Zeroizing;

use crate::authz::{Action, Actor, Resource, allows, may_ever};

/// What every token begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "swt_";
/// What the name of a token as an actor begins with.
const ACTOR: &str = "token:";
/// Longest life of a token, in seconds: a year.
pub const TOKEN_SECONDS_MAX: i64 = 366 * 24 * 3600;

/// The public name of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub [u8; 8]);

impl std::fmt::Display for TokenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TokenId {
    /// How a token stands in the log, and in what it made.
    #[must_use]
    pub fn actor(self) -> String {
        format!("{ACTOR}{self}")
    }

    /// The token of [`TokenId::actor`]; `None` for any other actor.
    #[must_use]
    pub fn of_actor(actor: &str) -> Option<Self> {
        actor.strip_prefix(ACTOR)?.parse().ok()
    }
}

impl std::str::FromStr for TokenId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        bytes(text).map(Self).ok_or(())
    }
}

/// A token as its holder sends it. Prints nothing of its secret.
pub struct Presented {
    /// Which.
    pub id: TokenId,
    secret: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Presented({}, ..)", self.id)
    }
}

impl Presented {
    /// A new one.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn fresh() -> Result<Self, CryptoError> {
        Ok(Self { id: TokenId(random()?), secret: Zeroizing::new(random()?) })
    }

    /// Reads `swt_ID_SECRET`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self { id: TokenId(bytes(id)?), secret: Zeroizing::new(bytes(secret)?) })
    }

    /// As its holder keeps it; shown once.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = self.secret.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"));
        Zeroizing::new(format!("{PREFIX}{}_{secret}", self.id))
    }

    /// What is kept of the secret.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.secret.as_slice())
    }
}

/// Exactly `N` bytes in lower-case hex.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != N * 2 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(out)
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Which.
    pub id: TokenId,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What its maker calls it.
    pub name: String,
    /// Whose rights it has at most.
    pub actor: Actor,
    /// Of these rights, the only ones it has; all of them if none is named.
    pub actions: Option<Vec<Action>>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When it was last used, to the hour.
    pub used_at: Option<UnixTime>,
    /// Since when it is taken back.
    pub revoked_at: Option<UnixTime>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefused {
    /// Not a token of this server, or its secret does not fit.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl ApiToken {
    /// Whether what was presented is this token and good at `now`.
    ///
    /// # Errors
    /// [`TokenRefused`]; one whose secret does not fit learns nothing more.
    pub fn accepts(&self, presented: &Presented, now: UnixTime) -> Result<(), TokenRefused> {
        if self.id != presented.id || !same(&self.hash, &presented.hash()) {
            return Err(TokenRefused::Unknown);
        }
        match (self.revoked_at, now >= self.expires_at) {
            (Some(_), _) => Err(TokenRefused::Revoked),
            (None, true) => Err(TokenRefused::Expired),
            (None, false) => Ok(()),
        }
    }

    /// Whether it may do `action` to `on`.
    #[must_use]
    pub fn may(&self, action: Action, on: &Resource) -> bool {
        self.names(action) && allows(&self.actor, action, on)
    }

    /// Whether there is anything that it may do `action` to.
    #[must_use]
    pub fn may_ever(&self, action: Action) -> bool {
        self.names(action) && may_ever(&self.actor, action)
    }

    /// Whether another token made it: then nobody looked when it was made.
    #[must_use]
    pub fn is_handed_on(&self) -> bool {
        TokenId::of_actor(&self.created_by).is_some()
    }

    /// A token that a token made never agrees to what needs two: that would be one program, twice.
    fn names(&self, action: Action) -> bool {
        let named = self.actions.as_ref().is_none_or(|named| named.contains(&action));
        named && !(action == Action::WipeApprove && self.is_handed_on())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::authz::{Role, Scope};

    fn token(presented: &Presented) -> ApiToken {
        ApiToken {
            id: presented.id,
            hash: presented.hash(),
            name: "monitor".into(),
            actor: Actor { role: Role::Admin, scope: Scope::Organisation },
            actions: Some(vec![Action::DeviceSee]),
            created_by: "admin:uid=0".into(),
            created_at: UnixTime(0),
            expires_at: UnixTime(100),
            used_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn a_token_survives_its_text_and_prints_no_secret() {
        let fresh = Presented::fresh().unwrap();
        let text = fresh.to_text();
        let read = Presented::parse(&text).unwrap();
        assert_eq!((read.id, read.hash()), (fresh.id, fresh.hash()));
        let secret = text.rsplit('_').next().unwrap();
        assert!(!format!("{read:?}").contains(secret));
    }

    #[test]
    fn what_is_not_quite_a_token_is_none() {
        let text = Presented::fresh().unwrap().to_text();
        let cut = text.get(..text.len() - 1).unwrap();
        for bad in
            ["", "swt_", "swt_00_00", cut, &text.to_uppercase(), &format!("{}0", *text), &text.replace("swt", "swu")]
        {
            assert!(Presented::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_good_until_it_ends_or_is_taken_back() {
        let presented = Presented::fresh().unwrap();
        let held = token(&presented);
        assert_eq!(held.accepts(&presented, UnixTime(99)), Ok(()));
        assert_eq!(held.accepts(&presented, UnixTime(100)), Err(TokenRefused::Expired));
        let revoked = ApiToken { revoked_at: Some(UnixTime(1)), ..held.clone() };
        assert_eq!(revoked.accepts(&presented, UnixTime(2)), Err(TokenRefused::Revoked));
        let guessed = Presented { id: presented.id, secret: Zeroizing::new([0; 32]) };
        assert_eq!(revoked.accepts(&guessed, UnixTime(2)), Err(TokenRefused::Unknown));
    }

    #[test]
    fn a_token_that_a_token_made_agrees_to_nothing_that_needs_two() {
        let presented = Presented::fresh().unwrap();
        let by_person = ApiToken { actions: None, ..token(&presented) };
        let by_token = ApiToken { created_by: by_person.id.actor(), ..by_person.clone() };
        let on = Resource::Organisation;
        assert!(by_person.may(Action::WipeApprove, &on) && !by_token.may(Action::WipeApprove, &on));
        assert!(!by_token.may_ever(Action::WipeApprove) && by_token.may(Action::TokenChange, &on));
        let named = ApiToken { actions: Some(vec![Action::WipeApprove]), ..by_token };
        assert!(!named.may(Action::WipeApprove, &on));
    }

    #[test]
    fn a_token_is_told_from_other_actors() {
        let id = TokenId([7; 8]);
        assert_eq!(TokenId::of_actor(&id.actor()), Some(id));
        for other in ["admin:token:0707070707070707", "token:", "token:07", "0707070707070707", "admin:uid=0"] {
            assert_eq!(TokenId::of_actor(other), None, "{other}");
        }
    }

    #[test]
    fn named_actions_narrow_the_role_and_never_widen_it() {
        let mut held = token(&Presented::fresh().unwrap());
        let group = Resource::Group("a".parse().unwrap());
        assert!(held.may(Action::DeviceSee, &group) && !held.may(Action::DeviceWipe, &group));
        held.actor.role = Role::Auditor;
        held.actions = Some(vec![Action::DeviceWipe]);
        assert!(!held.may(Action::DeviceWipe, &group) && !held.may_ever(Action::DeviceWipe));
        held.actions = Some(Vec::new());
        assert!(!held.may_ever(Action::DeviceSee));
    }
}
