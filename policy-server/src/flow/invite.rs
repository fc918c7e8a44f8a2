//! An invitation: made by an admin, shown once, kept as an HMAC.

use policy_server_core::{
    audit::Entry,
    enrollment::{FACT_MAX, INVITATION_SECONDS_MAX, Invitation, code_tag, text_is_plain},
};
use policy_server_store::{InvitationRecord, Store, Work};
use workspace_protocol::{
    crypto::random,
    ids::{GroupName, UnixTime},
    link::EnrollmentLink,
};
use zeroize::Zeroizing;

use crate::{clock, failure::Failure, server::Server};

/// Makes an invitation for `user` into `group`, good for `seconds`.
///
/// # Errors
/// Bad input for a name with control characters or a life beyond a week.
pub async fn invite(
    server: &Server,
    actor: &str,
    user: &str,
    group: GroupName,
    seconds: i64,
) -> Result<(EnrollmentLink, UnixTime), Failure> {
    if user.trim().is_empty() || !text_is_plain(user, FACT_MAX) {
        return Err(Failure::input("invite-user"));
    }
    if !(1..=INVITATION_SECONDS_MAX).contains(&seconds) {
        return Err(Failure::input("invite-expires"));
    }
    let now = clock::now();
    let link = link(server)?;
    let expires_at = now.plus(seconds);
    let record = InvitationRecord {
        id: link.invitation,
        code_tag: code_tag(&server.keys.secret, &link.invitation, &link.code).to_vec(),
        user: user.to_owned(),
        group: group.clone(),
        created_at: now,
        expires_at,
        state: Invitation::new(expires_at),
        device: None,
    };
    let made = Entry::done(now, actor, "invitation.make", hex::encode(record.id))
        .with("user", user)
        .with("group", &group)
        .with("expires", expires_at);
    let mut work = server.store.begin().await?;
    work.add_invitation(&record).await?;
    server.log(&mut work, &made).await?;
    work.commit().await?;
    Ok((link, expires_at))
}

/// The page for staff that explains a link; the code stands behind its `#`, which browsers do not send.
pub fn page(server: &Server, link: &str) -> String {
    let secret = link.split_once('?').map_or("", |(_, secret)| secret);
    format!("{}/enroll#{secret}", server.config.url)
}

fn link(server: &Server) -> Result<EnrollmentLink, Failure> {
    let failed = |_| Failure::refused("random-failed");
    Ok(EnrollmentLink {
        authority: server.config.authority().to_owned(),
        pin: server.keys.pin,
        root: server.keys.root.id(),
        invitation: random().map_err(failed)?,
        code: Zeroizing::new(random().map_err(failed)?),
    })
}
