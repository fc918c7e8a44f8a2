//! Tokens of the API: made and shown once, taken back.

use std::collections::HashSet;

use policy_server_core::{
    audit::Entry,
    authz::{Action, Actor, Role, Scope},
    enrollment::{FACT_MAX, text_is_plain},
    token::{ApiToken, Presented, TOKEN_SECONDS_MAX, TokenId},
};
use policy_server_store::{ApiView, ApiWork, Store, Work};
use zeroize::Zeroizing;

use crate::{clock, failure::Failure, server::Server};

/// What a new token shall be.
#[derive(Debug)]
pub struct Wish {
    /// What its maker calls it.
    pub name: String,
    /// The word of a role.
    pub role: String,
    /// The group it is limited to.
    pub group: Option<String>,
    /// Of the role's actions, the only ones it shall have.
    pub actions: Option<Vec<String>>,
    /// Its life in seconds.
    pub seconds: i64,
}

/// Makes a token; its text is in nobody's hands but the caller's. One that a token makes ends with it at the latest.
///
/// # Errors
/// Bad input naming what is not a name, role, group, action or life of a token; refused if the token that makes it was
/// taken back.
pub async fn create(server: &Server, by: &str, wish: &Wish) -> Result<(ApiToken, Zeroizing<String>), Failure> {
    let now = clock::now();
    let presented = Presented::fresh().map_err(|_| Failure::refused("random-failed"))?;
    let mut token = ApiToken {
        id: presented.id,
        hash: presented.hash(),
        name: name(wish)?,
        actor: Actor { role: role(wish)?, scope: scope(wish)? },
        actions: wish.actions.as_ref().map(|named| named.iter().map(|name| action(name)).collect()).transpose()?,
        created_by: by.to_owned(),
        created_at: now,
        expires_at: now.plus(life(wish)?),
        used_at: None,
        revoked_at: None,
    };
    let mut work = server.store.begin().await?;
    if let Some(id) = TokenId::of_actor(by) {
        let maker = work.token(id).await?.filter(|maker| maker.revoked_at.is_none());
        let maker = maker.ok_or_else(|| Failure::refused("token-unknown").with("id", id))?;
        token.expires_at = token.expires_at.min(maker.expires_at);
    }
    work.add_token(&token).await?;
    let entry = Entry::done(now, by, "token.create", token.id)
        .with("name", &token.name)
        .with("role", token.actor.role.word())
        .with("group", wish.group.as_deref().unwrap_or("*"))
        .with("expires", token.expires_at);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    Ok((token, presented.to_text()))
}

fn name(wish: &Wish) -> Result<String, Failure> {
    let good = !wish.name.trim().is_empty() && text_is_plain(&wish.name, FACT_MAX);
    if good { Ok(wish.name.clone()) } else { Err(Failure::input("token-name")) }
}

fn role(wish: &Wish) -> Result<Role, Failure> {
    Role::from_word(&wish.role).ok_or_else(|| Failure::input("token-role").with("role", &wish.role))
}

fn scope(wish: &Wish) -> Result<Scope, Failure> {
    let Some(group) = &wish.group else { return Ok(Scope::Organisation) };
    let parsed = group.parse().map_err(|_| Failure::input("group-name").with("group", group))?;
    Ok(Scope::Group(parsed))
}

fn action(name: &str) -> Result<Action, Failure> {
    Action::from_name(name).ok_or_else(|| Failure::input("token-action").with("action", name))
}

fn life(wish: &Wish) -> Result<i64, Failure> {
    let fits = (1..=TOKEN_SECONDS_MAX).contains(&wish.seconds);
    if fits { Ok(wish.seconds) } else { Err(Failure::input("token-expires")) }
}

/// Takes a token back, and whatever it made, and they made. What is taken back already stays so.
///
/// # Errors
/// Refused if there is none of this name.
pub async fn revoke(server: &Server, by: &str, id: TokenId) -> Result<ApiToken, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    if work.token(id).await?.is_none() {
        return Err(Failure::refused("token-unknown").with("id", id));
    }
    let all = work.tokens().await?;
    for held in family(id, &all).into_iter().filter(|held| held.revoked_at.is_none()) {
        work.set_token(&ApiToken { revoked_at: Some(now), ..held.clone() }).await?;
        let entry = Entry::done(now, by, "token.revoke", held.id).with("name", &held.name);
        let entry = if held.id == id { entry } else { entry.with("made-by", &held.created_by) };
        server.log(&mut work, &entry).await?;
    }
    let token = work.token(id).await?.ok_or_else(|| Failure::refused("token-unknown").with("id", id))?;
    work.commit().await?;
    Ok(token)
}

/// A token and all that goes back to it.
fn family(id: TokenId, all: &[ApiToken]) -> Vec<&ApiToken> {
    let mut ids = HashSet::from([id]);
    loop {
        let before = ids.len();
        let made_by_one = |token: &&ApiToken| TokenId::of_actor(&token.created_by).is_some_and(|by| ids.contains(&by));
        let made: Vec<_> = all.iter().filter(made_by_one).map(|token| token.id).collect();
        ids.extend(made);
        if ids.len() == before {
            return all.iter().filter(|token| ids.contains(&token.id)).collect();
        }
    }
}
