//! The lending book: which device of the organisation is with whom, and whether the last session on it is wiped.

use policy_server_core::{
    audit::Entry,
    enrollment::{FACT_MAX, text_is_plain},
};
use policy_server_store::{Desk, Lists, Loan, Store, Work};
use workspace_protocol::ids::UnixTime;

use super::order::find;
use crate::{clock, failure::Failure, server::Server};

/// Longest loan, in seconds.
const LOAN_MAX: i64 = 400 * 24 * 3600;

/// Writes down that a device is lent.
///
/// # Errors
/// Bad input for an odd name or end; refused while the device is lent, wiped, locked or retired.
pub async fn lend(
    server: &Server,
    actor: &str,
    device: &str,
    borrower: &str,
    due_at: Option<UnixTime>,
) -> Result<Loan, Failure> {
    let borrower = borrower.trim();
    if borrower.is_empty() || !text_is_plain(borrower, FACT_MAX) {
        return Err(Failure::input("loan-borrower"));
    }
    let now = clock::now();
    if due_at.is_some_and(|due| !(1..=LOAN_MAX).contains(&due.since(now))) {
        return Err(Failure::input("loan-due"));
    }
    let mut work = server.store.begin().await?;
    let device = find(&mut work, device).await?;
    device.standing.admits().map_err(Failure::reason)?;
    if let Some(held) = work.open_loan(device.id).await? {
        return Err(Failure::refused("loan-open").with("borrower", held.borrower));
    }
    let mut loan = Loan {
        id: 0,
        device: device.id,
        borrower: borrower.to_owned(),
        lent_at: now,
        lent_by: actor.to_owned(),
        due_at,
        returned_at: None,
        returned_by: None,
        wiped_at: None,
    };
    loan.id = work.add_loan(&loan).await?;
    let entry = Entry::done(now, actor, "device.lend", device.id).with("borrower", borrower).with("loan", loan.id);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(loan)
}

/// Writes down that a device came back, and when its last session was wiped, if the device said so.
///
/// # Errors
/// Refused if it is not lent.
pub async fn take_back(server: &Server, actor: &str, device: &str) -> Result<Loan, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let device = find(&mut work, device).await?;
    let mut loan = work.open_loan(device.id).await?.ok_or_else(|| Failure::refused("loan-none"))?;
    loan.returned_at = Some(now);
    loan.returned_by = Some(actor.to_owned());
    loan.wiped_at = wiped(loan.lent_at, work.last_session(device.id).await?);
    work.set_loan(&loan).await?;
    let entry = Entry::done(now, actor, "device.take-back", device.id).with("loan", loan.id);
    server.log(&mut work, &entry.with("wiped", loan.wiped_at.is_some())).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(loan)
}

/// When the last session was wiped, if no later one was opened and it was used since it was lent.
fn wiped(lent_at: UnixTime, (opened, wiped): (Option<UnixTime>, Option<UnixTime>)) -> Option<UnixTime> {
    wiped.filter(|at| *at >= lent_at && opened.is_none_or(|opened| opened <= *at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_wiped_only_by_a_word_that_follows_its_last_session() {
        let t = |seconds| Some(UnixTime(seconds));
        assert_eq!(wiped(UnixTime(10), (t(20), t(30))), t(30));
        assert_eq!(wiped(UnixTime(10), (t(40), t(30))), None, "a later session is open");
        assert_eq!(wiped(UnixTime(10), (t(2), t(3))), None, "the word is of the borrower before");
        assert_eq!(wiped(UnixTime(10), (None, None)), None);
    }
}
