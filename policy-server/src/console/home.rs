//! Ways that lead nowhere themselves.

use axum::response::Redirect;

use super::trouble::Trouble;

/// From the server's bare address to the console.
pub async fn to_console() -> Redirect {
    Redirect::to("/console")
}

/// There is no such page.
pub async fn nowhere() -> Trouble {
    Trouble::missing()
}
