//! Who stands behind an actor: for a token whoever made it, through all tokens in between.
//!
//! Two people are asked for so that one alone cannot do harm; a program, and all that it hands on, is whoever set it up.

use policy_server_core::token::TokenId;
use policy_server_store::{ApiView, StoreError};

/// Longest chain of tokens that is followed.
const LONGEST: usize = 64;

/// Whether two actors are the same for whatever needs two. So they are if it cannot be told who one of them is.
///
/// # Errors
/// [`StoreError`].
pub async fn same<V: ApiView>(view: &mut V, one: &str, other: &str) -> Result<bool, StoreError> {
    let (one, other) = (behind(view, one).await?, behind(view, other).await?);
    Ok(match (one, other) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => true,
    })
}

/// The actor behind an actor that is no token itself; `None` if the chain is broken or too long.
async fn behind<V: ApiView>(view: &mut V, actor: &str) -> Result<Option<String>, StoreError> {
    let mut at = actor.to_owned();
    for _ in 0..LONGEST {
        let Some(id) = TokenId::of_actor(&at) else { return Ok(Some(at)) };
        let Some(token) = view.token(id).await? else { return Ok(None) };
        at = token.created_by;
    }
    Ok(None)
}
