//! A lost admin: the offline recovery code gives the server back to whoever holds its machine and that code.

use policy_server_core::{
    audit::Entry,
    authz::{Actor, Role, Scope},
};
use policy_server_store::{Account, ConsoleWork, Store, Work};
use workspace_protocol::{ids::UnixTime, reason::Reason};
use zeroize::Zeroizing;

use crate::{
    backup, clock,
    console::account::NewLink,
    crash,
    data::init::{FIRST, LINK_SECONDS},
    failure::Failure,
    server::Server,
};

/// What a lost admin gets back.
pub struct Recovered {
    /// The next recovery code.
    pub code: Zeroizing<String>,
    /// Where a passkey is made.
    pub link: Zeroizing<String>,
    /// For which account.
    pub account: String,
}

/// Takes the recovery code and gives the next one, and a link to the console for an account that runs everything; the
/// old code is worth nothing from then on.
///
/// Both the use and a wrong code leave their line in the log.
///
/// # Errors
/// Refused for a wrong code; [`Failure`] if the store fails, and then the old code stays good.
pub async fn recover(server: &Server, actor: &str, code: &str) -> Result<Recovered, Failure> {
    let (now, secret) = (clock::now(), &server.keys.secret);
    let entry = Entry::done(now, actor, "server.recover", server.config.authority());
    let mut work = server.store.begin().await?;
    if !backup::code_fits(&mut work, secret, code).await? {
        server.log(&mut work, &entry.refused(Reason::ProofInvalid)).await?;
        work.commit().await?;
        return Err(Failure::refused("recover-wrong").because(Reason::ProofInvalid));
    }
    let next = backup::new_code()?;
    backup::keep_code(&mut work, secret, &next).await?;
    let account = first_admin(&mut work, now).await?;
    let link = NewLink::new(secret, &account, now, LINK_SECONDS).map_err(|_| Failure::refused("random-failed"))?;
    work.add_admin_link(&link.row).await?;
    server.log(&mut work, &entry.with("link-for", &account)).await?;
    crash::point("server.recover.before-commit");
    work.commit().await?;
    tracing::warn!("the recovery code was used; a new one is in force");
    Ok(Recovered { code: next, link: link.url(&server.config.url), account })
}

/// An account that runs everything: the first one, else any, else the first one again as it was made.
async fn first_admin<W: ConsoleWork>(work: &mut W, now: UnixTime) -> Result<String, Failure> {
    let runs_all = |account: &Account| {
        let Actor { role, scope } = &account.actor;
        account.disabled_at.is_none() && *role == Role::Admin && *scope == Scope::Organisation
    };
    let accounts = work.accounts().await?;
    let first = accounts.iter().find(|one| one.name == FIRST);
    if let Some(found) = first.filter(|one| runs_all(one)).or_else(|| accounts.iter().find(|one| runs_all(one))) {
        return Ok(found.name.clone());
    }
    let actor = Actor { role: Role::Admin, scope: Scope::Organisation };
    match first {
        Some(held) => work.set_account(&Account { actor, disabled_at: None, ..held.clone() }).await?,
        None => work.add_admin(FIRST, now).await?,
    }
    Ok(FIRST.to_owned())
}

/// Notes that a backup is being made.
///
/// # Errors
/// Refused if the server has no backup key yet.
pub async fn note_backup(server: &Server, actor: &str) -> Result<(), Failure> {
    let mut work = server.store.begin().await?;
    if !backup::is_ready(&mut work).await? {
        return Err(Failure::refused("backup-no-key"));
    }
    let entry = Entry::done(clock::now(), actor, "server.backup", server.config.authority());
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    Ok(())
}
