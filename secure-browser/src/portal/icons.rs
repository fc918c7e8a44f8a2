//! Line icons for the kinds of system, drawn for this portal (24 x 24, stroke in the text colour).

/// The icon of a kind as written in the policy; a neutral one for a kind that has none.
#[must_use]
pub fn of_kind(kind: &str) -> &'static str {
    match kind {
        "collaboration" => COLLABORATION,
        "records" => RECORDS,
        "viewer" => VIEWER,
        "meeting" => MEETING,
        "map" => MAP,
        "beds" => BEDS,
        "monitoring" => MONITORING,
        "desktop" => DESKTOP,
        "statistics" => STATISTICS,
        _ => OTHER,
    }
}

macro_rules! icon {
    ($($shape:literal)*) => {
        concat!(
            "<svg viewBox=\"0 0 24 24\" width=\"28\" height=\"28\" fill=\"none\" stroke=\"currentColor\" ",
            "stroke-width=\"1.7\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">",
            $($shape,)* "</svg>"
        )
    };
}

const COLLABORATION: &str = icon!(
    "<path d=\"M4 5.5h11a1.5 1.5 0 0 1 1.5 1.5v5a1.5 1.5 0 0 1-1.5 1.5H9l-3.5 3v-3H4A1.5 1.5 0 0 1 2.5 12V7A1.5 1.5 0 0 1 4 5.5z\"/>"
    "<path d=\"M19 9.5h1a1.5 1.5 0 0 1 1.5 1.5v5a1.5 1.5 0 0 1-1.5 1.5h-1v2.5l-3-2.5h-4\"/>"
);
const RECORDS: &str = icon!(
    "<path d=\"M6 3h8.5L19 7.5V20a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z\"/>"
    "<path d=\"M14 3v5h5M12 11v6M9 14h6\"/>"
);
const VIEWER: &str = icon!(
    "<rect x=\"3\" y=\"4\" width=\"18\" height=\"16\" rx=\"1.5\"/>"
    "<circle cx=\"12\" cy=\"12\" r=\"4\"/><path d=\"M12 8v8M8 12h8\"/>"
);
const MEETING: &str =
    icon!("<rect x=\"2.5\" y=\"6\" width=\"13\" height=\"12\" rx=\"2\"/><path d=\"M15.5 10.5l6-3v9l-6-3z\"/>");
const MAP: &str = icon!(
    "<path d=\"M12 21s7-6.200 7-11.5A7 7 0 0 0 5 9.5C5 14.800 12 21 12 21z\"/><circle cx=\"12\" cy=\"9.5\" r=\"2.5\"/>"
);
const BEDS: &str =
    icon!("<path d=\"M3 6v13M3 16h18M21 19v-5.5a3 3 0 0 0-3-3h-7V16\"/><circle cx=\"7\" cy=\"11.5\" r=\"2\"/>");
const MONITORING: &str = icon!(
    "<path d=\"M12 20.5S3.5 15.5 3.5 9.300A4.600 4.600 0 0 1 12 6.800a4.600 4.600 0 0 1 8.5 2.5c0 6.200-8.5 11.200-8.5 11.200z\"/>"
    "<path d=\"M4 12h4.5l1.700-3 2.600 5.5 1.700-2.5H20\"/>"
);
const DESKTOP: &str =
    icon!("<rect x=\"3\" y=\"4\" width=\"18\" height=\"12\" rx=\"1.5\"/><path d=\"M9 20h6M12 16v4\"/>");
const STATISTICS: &str = icon!("<path d=\"M4 3.5V20.5H20.5\"/><path d=\"M8.5 16.5v-4M13 16.5V7M17.5 16.5v-6.5\"/>");
const OTHER: &str = icon!(
    "<circle cx=\"12\" cy=\"12\" r=\"8.5\"/><path d=\"M3.5 12h17M12 3.5c2.600 2.5 3.800 5.300 3.800 8.5s-1.200 6-3.800 8.5c-2.600-2.5-3.800-5.300-3.800-8.5S9.400 6 12 3.5z\"/>"
);

/// A shield with a tick: what the workspace protects.
pub const SHIELD: &str = icon!(
    "<path d=\"M12 3l7.5 2.800v5.400c0 4.600-3.100 8-7.5 9.800-4.400-1.800-7.5-5.200-7.5-9.800V5.800z\"/><path d=\"M8.700 12l2.300 2.300 4.300-4.5\"/>"
);
/// A closed gate: what was stopped.
pub const STOPPED: &str = icon!("<circle cx=\"12\" cy=\"12\" r=\"8.5\"/><path d=\"M7 12h10\"/>");
/// A magnifying glass.
pub const SEARCH: &str = icon!("<circle cx=\"10.5\" cy=\"10.5\" r=\"6\"/><path d=\"M15 15l5.5 5.5\"/>");
/// Half-filled disc: light and dark.
pub const THEME: &str =
    icon!("<circle cx=\"12\" cy=\"12\" r=\"8\"/><path d=\"M12 4v16a8 8 0 0 0 0-16z\" fill=\"currentColor\"/>");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_policy_has_its_own_icon() {
        let kinds =
            ["collaboration", "records", "viewer", "meeting", "map", "beds", "monitoring", "desktop", "statistics"];
        for (at, kind) in kinds.iter().enumerate() {
            assert_ne!(of_kind(kind), OTHER, "{kind}");
            assert!(kinds.iter().take(at).all(|other| of_kind(other) != of_kind(kind)), "{kind} twice");
        }
        assert_eq!(of_kind("something new"), OTHER);
    }
}
