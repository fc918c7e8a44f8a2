//! Style and script, part of the binary. Their names carry their hash, so that browsers keep them for ever and still
//! never use an old one.

use std::sync::OnceLock;

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use workspace_protocol::crypto::sha256;

use super::trouble::Trouble;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: &[Asset] = &[
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("assets/icon.svg") },
    Asset {
        name: "console.css",
        kind: "text/css; charset=utf-8",
        bytes: concat!(include_str!("assets/console.css"), include_str!("assets/pages.css")).as_bytes(),
    },
    Asset { name: "enroll.js", kind: "text/javascript; charset=utf-8", bytes: include_bytes!("assets/enroll.js") },
    Asset {
        name: "console.js",
        kind: "text/javascript; charset=utf-8",
        bytes: concat!(include_str!("assets/console.js"), include_str!("assets/pages.js")).as_bytes(),
    },
];

/// Hashed names, in the order of [`ASSETS`].
fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| ASSETS.iter().map(hashed).collect())
}

fn hashed(asset: &Asset) -> String {
    let hash = hex::encode(sha256(asset.bytes));
    let (stem, end) = asset.name.split_once('.').unwrap_or((asset.name, ""));
    format!("{stem}-{}.{end}", hash.get(..16).unwrap_or_default())
}

/// Where an asset is.
pub fn path(name: &str) -> String {
    let at = ASSETS.iter().position(|asset| asset.name == name);
    at.and_then(|at| names().get(at)).map(|name| format!("/console/asset/{name}")).unwrap_or_default()
}

/// Sends an asset.
pub async fn get(Path(name): Path<String>) -> Result<Response, Trouble> {
    let at = names().iter().position(|held| *held == name).ok_or_else(Trouble::missing)?;
    let asset = ASSETS.get(at).ok_or_else(Trouble::missing)?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    let keep = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(([kind, keep], asset.bytes).into_response())
}
