//! Kinds of resource: what a request is for, and the sets of them that an entry's `as` names.

use std::{fmt, str::FromStr};

/// What a request fetches, as the engine says it (`Sec-Fetch-Dest` or its own type).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A page in the main frame.
    Document,
    /// A page in a frame of another.
    Frame,
    /// A script, including imported modules.
    Script,
    /// A style sheet.
    Style,
    /// A picture.
    Image,
    /// A font.
    Font,
    /// Sound or video, including subtitles.
    Media,
    /// `fetch`, `XMLHttpRequest`, `EventSource`, beacons.
    Fetch,
    /// A WebSocket.
    WebSocket,
    /// A worker's script.
    Worker,
    /// Anything else the engine has a name for (manifest, report, plug-in).
    Other,
    /// The engine did not say; allowed only by entries without `as`.
    Unknown,
}

impl Kind {
    /// Every kind with the name it has in a policy file; `Unknown` has none, so that no entry can ask for it.
    pub const NAMED: [(&'static str, Self); 11] = [
        ("document", Self::Document),
        ("frame", Self::Frame),
        ("script", Self::Script),
        ("style", Self::Style),
        ("image", Self::Image),
        ("font", Self::Font),
        ("media", Self::Media),
        ("fetch", Self::Fetch),
        ("websocket", Self::WebSocket),
        ("worker", Self::Worker),
        ("other", Self::Other),
    ];

    /// The kind of a `Sec-Fetch-Dest` value; what is not known is [`Kind::Unknown`].
    #[must_use]
    pub fn from_fetch_dest(value: &str) -> Self {
        match value {
            "document" => Self::Document,
            "frame" | "iframe" | "fencedframe" => Self::Frame,
            "script" | "json" => Self::Script,
            "style" | "xslt" => Self::Style,
            "image" => Self::Image,
            "font" => Self::Font,
            "audio" | "video" | "track" => Self::Media,
            "empty" => Self::Fetch,
            "websocket" => Self::WebSocket,
            "worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet" => Self::Worker,
            "embed" | "object" | "manifest" | "report" | "webidentity" => Self::Other,
            _ => Self::Unknown,
        }
    }

    /// The name in a policy file, or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, kind)| *kind == self).map_or("unknown", |(name, _)| name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind).ok_or(UnknownKind)
    }
}

/// Not the name of a kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a kind of resource: document, frame, script, style, image, font, media, fetch, websocket, worker or other"
)]
pub struct UnknownKind;

/// Kinds an entry allows. The default is every kind, `Unknown` included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u16);

impl Default for Kinds {
    fn default() -> Self {
        Self::ALL
    }
}

impl Kinds {
    /// Every kind: an entry without `as`.
    pub const ALL: Self = Self(u16::MAX);
    /// No kind; the start of a list.
    pub const NONE: Self = Self(0);

    /// This set and `kind`.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// The kinds of either set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// Whether all of `other` is in the set.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("everything");
        }
        let names: Vec<&str> =
            Kind::NAMED.iter().filter(|(_, kind)| self.contains(*kind)).map(|(name, _)| *name).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_allowed_only_where_nothing_is_named() {
        let named = Kind::NAMED.iter().fold(Kinds::NONE, |set, (_, kind)| set.with(*kind));
        assert!(Kinds::ALL.contains(Kind::Unknown));
        assert!(!named.contains(Kind::Unknown));
        assert!(Kinds::ALL.covers(named) && !named.covers(Kinds::ALL));
    }

    #[test]
    fn names_survive_and_strangers_are_unknown() {
        for (name, kind) in Kind::NAMED {
            assert_eq!((name.parse(), kind.name()), (Ok(kind), name));
        }
        assert_eq!("unknown".parse::<Kind>(), Err(UnknownKind));
        assert_eq!(Kind::from_fetch_dest("iframe"), Kind::Frame);
        assert_eq!(Kind::from_fetch_dest("newest-thing"), Kind::Unknown);
    }
}
