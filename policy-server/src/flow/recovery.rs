//! A lost admin: the offline recovery code gives the server back to whoever holds its machine and that code.

use policy_server_core::audit::Entry;
use policy_server_store::{Store, Work};
use workspace_protocol::reason::Reason;
use zeroize::Zeroizing;

use crate::{backup, clock, crash, failure::Failure, server::Server};

/// Takes the recovery code and gives the next one; the old one is worth nothing from then on.
///
/// Both the use and a wrong code leave their line in the log.
///
/// # Errors
/// Refused for a wrong code; [`Failure`] if the store fails, and then the old code stays good.
pub async fn recover(server: &Server, actor: &str, code: &str) -> Result<Zeroizing<String>, Failure> {
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
    server.log(&mut work, &entry).await?;
    crash::point("server.recover.before-commit");
    work.commit().await?;
    tracing::warn!("the recovery code was used; a new one is in force");
    Ok(next)
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
