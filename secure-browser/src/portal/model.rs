//! What the portal shows, made from a policy: tiles, areas, what is not available here. Pure.

use std::collections::BTreeSet;

use workspace_policy::{Policy, System, SystemKind, Upload};

use workspace_words::Lang;

use super::{areas, find};

/// One system as a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Id in the policy.
    pub id: String,
    /// Title in Japanese and English.
    pub title: Title,
    /// Kind, as the policy writes it.
    pub kind: &'static str,
    /// Host of the start page.
    pub host: String,
    /// Areas it serves; none means everywhere.
    pub areas: Vec<String>,
    /// What it may use, for the person to know.
    pub powers: Vec<Power>,
    /// Why it cannot be opened here, if so.
    pub unavailable: Option<Unavailable>,
}

/// A title in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

/// A power that the policy gives to a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Camera.
    Camera,
    /// Microphone.
    Microphone,
    /// Location.
    Location,
    /// Printing is allowed, and this engine cannot.
    NoPrint,
    /// Pictures from the camera may be sent, and this engine has no camera.
    NoCamera,
}

/// Why a system cannot be opened on this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// The engine has no calls (WebRTC).
    Calls,
    /// The system is reached only through an access gateway, and the policy does not say where it is.
    Gateway,
}

/// What can be done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Video and voice calls (WebRTC).
    pub calls: bool,
    /// Systems behind the access gateway: the policy says where it is.
    pub gateway: bool,
    /// A printer.
    pub print: bool,
    /// A camera for pictures to be sent.
    pub camera: bool,
}

impl Engine {
    /// WebKitGTK as distributions build it: no `RTCPeerConnection` (source: docs/limits.md); the gateway by `policy`.
    #[must_use]
    pub fn here(policy: &Policy) -> Self {
        Self { calls: false, gateway: policy.gateway().is_some(), print: false, camera: false }
    }
}

impl Tile {
    /// The tile of `system` on `engine`.
    #[must_use]
    pub fn of(system: &System, engine: Engine) -> Self {
        let powers = [
            (system.camera, Power::Camera),
            (system.microphone, Power::Microphone),
            (system.geolocation, Power::Location),
            (system.print && !engine.print, Power::NoPrint),
            (system.upload == Upload::Camera && !engine.camera, Power::NoCamera),
        ];
        Self {
            id: system.id.clone(),
            title: Title { ja: system.title.ja.clone(), en: system.title.en.clone() },
            kind: system.kind.word(),
            host: system.start.host_str().unwrap_or_default().to_owned(),
            areas: system.area.clone(),
            powers: powers.into_iter().filter(|(given, _)| *given).map(|(_, power)| power).collect(),
            unavailable: unavailable(system, engine),
        }
    }
}

fn unavailable(system: &System, engine: Engine) -> Option<Unavailable> {
    if system.kind == SystemKind::Meeting && !engine.calls {
        return Some(Unavailable::Calls);
    }
    (system.network.by_gateway() && !engine.gateway).then_some(Unavailable::Gateway)
}

/// A tile that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The tile.
    pub tile: &'a Tile,
    /// It serves a neighbouring area, not the chosen one.
    pub neighbour: bool,
}

/// All areas of the tiles, each once, in order.
#[must_use]
pub fn areas_of(tiles: &[Tile]) -> Vec<&str> {
    let all: BTreeSet<&str> = tiles.iter().flat_map(|tile| tile.areas.iter().map(String::as_str)).collect();
    all.into_iter().collect()
}

/// The tiles that `query` finds in `area` (all areas if none): those of the area first, then its neighbours'.
#[must_use]
pub fn search<'a>(tiles: &'a [Tile], query: &str, area: Option<&str>) -> Vec<Found<'a>> {
    let hits = tiles.iter().filter(|tile| find::finds(&search_key(tile), query));
    let (mut own, mut near) = (Vec::new(), Vec::new());
    for tile in hits {
        match area.map_or(Nearness::Here, |area| nearness(tile, area)) {
            Nearness::Here => own.push(Found { tile, neighbour: false }),
            Nearness::Neighbour => near.push(Found { tile, neighbour: true }),
            Nearness::Far => {}
        }
    }
    own.append(&mut near);
    own
}

enum Nearness {
    Here,
    Neighbour,
    Far,
}

/// An area is a path such as `tokyo/nakano`; areas with the same parent are neighbours.
fn nearness(tile: &Tile, area: &str) -> Nearness {
    let inside = |own: &String| own == area || is_below(own, area) || is_below(area, own);
    if tile.areas.is_empty() || tile.areas.iter().any(inside) {
        return Nearness::Here;
    }
    let parent = area.rsplit_once('/').map(|(parent, _)| parent);
    let near = |own: &String| parent.is_some_and(|parent| is_below(own, parent));
    if tile.areas.iter().any(near) { Nearness::Neighbour } else { Nearness::Far }
}

fn is_below(area: &str, parent: &str) -> bool {
    area.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/'))
}

fn search_key(tile: &Tile) -> String {
    let mut key = format!("{}\n{}\n{}\n{}", tile.title.ja, tile.title.en, tile.host, tile.kind);
    for area in &tile.areas {
        for name in [area.clone(), areas::label(area, Lang::Ja)] {
            key.push('\n');
            key.push_str(&name);
        }
    }
    find::fold(&key)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A tile with the parts that a test cares about.
    pub fn tile(id: &str, ja: &str, areas: &[&str]) -> Tile {
        Tile {
            id: id.to_owned(),
            title: Title { ja: ja.to_owned(), en: format!("{id} in English") },
            kind: "collaboration",
            host: format!("{id}.example.jp"),
            areas: areas.iter().map(|area| (*area).to_owned()).collect(),
            powers: Vec::new(),
            unavailable: None,
        }
    }

    fn ids<'a>(found: &[Found<'a>]) -> Vec<(&'a str, bool)> {
        found.iter().map(|found| (found.tile.id.as_str(), found.neighbour)).collect()
    }

    fn some_tiles() -> Vec<Tile> {
        vec![
            tile("beds", "病床検索", &["osaka/kita"]),
            tile("near", "中野の連携", &["tokyo/nakano"]),
            tile("mcs", "メディカルケアステーション", &["tokyo/shinjuku"]),
            tile("all", "研修", &[]),
        ]
    }

    const POLICY: &str = r#"
        schema = 1
        name = "home-care"
        [[system]]
        id = "call"
        title = { ja = "会議", en = "Call" }
        kind = "meeting"
        start = "https://call.example.jp/room"
        allow = ["call.example.jp"]
        camera = true
        microphone = true
        area = ["tokyo/nakano"]
        [[system]]
        id = "behind"
        title = { ja = "記録", en = "Records" }
        kind = "records"
        start = "https://records.example.jp/"
        allow = ["records.example.jp"]
        network = "gateway"
        print = true
        upload = "camera"
    "#;

    #[test]
    fn a_tile_says_what_this_device_cannot_do() {
        let policy = workspace_policy::Policy::parse("test.toml", POLICY).unwrap();
        let of = |id: &str, engine| Tile::of(policy.system(id).unwrap(), engine);
        let here = Engine::here(&policy);
        let call = of("call", here);
        assert_eq!((call.host.as_str(), call.kind), ("call.example.jp", "meeting"));
        assert_eq!(call.powers, [Power::Camera, Power::Microphone]);
        assert_eq!(call.unavailable, Some(Unavailable::Calls));
        assert_eq!(of("behind", here).unavailable, Some(Unavailable::Gateway));
        assert_eq!(of("behind", here).powers, [Power::NoPrint, Power::NoCamera]);
        let able = Engine { calls: true, gateway: true, print: true, camera: true };
        assert_eq!((of("call", able).unavailable, of("behind", able).unavailable), (None, None));
        assert!(of("behind", able).powers.is_empty());
    }

    #[test]
    fn each_area_is_offered_once_in_order() {
        let mut tiles = some_tiles();
        tiles.push(tile("again", "x", &["tokyo/nakano", "osaka/kita"]));
        assert_eq!(areas_of(&tiles), ["osaka/kita", "tokyo/nakano", "tokyo/shinjuku"]);
    }

    #[test]
    fn an_area_shows_its_own_first_then_neighbours_and_never_far_ones() {
        let tiles = some_tiles();
        let found = search(&tiles, "", Some("tokyo/shinjuku"));
        assert_eq!(ids(&found), [("mcs", false), ("all", false), ("near", true)]);
    }

    #[test]
    fn a_search_reads_titles_hosts_and_areas() {
        let tiles = some_tiles();
        assert_eq!(ids(&search(&tiles, "びょうしょう", None)), []);
        assert_eq!(ids(&search(&tiles, "病床", None)), [("beds", false)]);
        assert_eq!(ids(&search(&tiles, "めでぃかる", None)), [("mcs", false)]);
        assert_eq!(ids(&search(&tiles, "NAKANO", None)), [("near", false)]);
        assert_eq!(ids(&search(&tiles, "新宿区", None)), [("mcs", false)]);
        assert_eq!(ids(&search(&tiles, "all.example", None)), [("all", false)]);
    }

    #[test]
    fn an_area_name_is_compared_by_whole_segments() {
        let tiles = vec![tile("a", "a", &["tokyo2/x"]), tile("b", "b", &["tokyo"])];
        assert_eq!(ids(&search(&tiles, "", Some("tokyo/shinjuku"))), [("b", false)]);
    }
}
