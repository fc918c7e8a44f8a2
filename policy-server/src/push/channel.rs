//! One device's channel, from its open to its end.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::WebSocket;
use policy_server_store::{Store, StoreError, View};
use tokio::time::{Instant, sleep_until};
use workspace_protocol::{
    device_api::Held,
    documents::{Receipt, Stage},
    envelope::{self, Kind},
    ids::{CommandSeq, DeviceId, Epoch, GroupName, UnixTime},
    push::{DEAD_AFTER_SECONDS, FromDevice, PING_AFTER_SECONDS, ToDevice},
    reason::Reason,
};

use super::{
    bus::{Notice, Notices, Subscription},
    frames::{self, Close, Gone, Heard, hear},
};
use crate::{
    clock,
    flow::{Denial, notice, receipt, report},
    serve::connection::Peer,
    server::Server,
};

/// How long a device may take to note a wipe before its channel is cut.
const WIPE_NOTED: Duration = Duration::from_secs(1);
/// How long it may take to finish once it noted the wipe.
const WIPE_DONE: Duration = Duration::from_secs(30);
/// Frames a device may send in a burst.
const BURST: u32 = 200;
/// Frames a second that it may send for ever.
const FRAMES_A_SECOND: u32 = 20;

/// Whose channel it is.
#[derive(Debug)]
pub struct Whose {
    /// Which device.
    pub id: DeviceId,
    /// Which life of it.
    pub epoch: Epoch,
    /// Which policy it follows.
    pub group: GroupName,
}

/// Runs a channel until it ends.
pub async fn run(server: Arc<Server>, device: Whose, peer: Arc<Peer>, mut socket: WebSocket) {
    let place = Arc::clone(&server.bus).subscribe(device.id, device.group.clone());
    let mut channel = Channel::new(server, device, &peer);
    tracing::info!(device = %channel.device.id, "channel open");
    let end = channel.run(&place, &mut socket).await;
    if let End::Close(why) = end {
        Box::pin(frames::close(&mut socket, why)).await;
    }
    tracing::info!(device = %channel.device.id, ?end, "channel closed");
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Gone,
    Close(Close),
    Store,
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a channel failed");
        Self::Store
    }
}

/// What a device under a wipe has still to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wiping {
    No,
    Until(Instant),
    Done,
}

struct Channel {
    server: Arc<Server>,
    device: Whose,
    /// Unknown until the device's first frame; nothing is sent on a guess.
    held: Option<Held>,
    sent: CommandSeq,
    heard: Instant,
    pinged: bool,
    certificate_end: UnixTime,
    wiping: Wiping,
    allowance: Allowance,
}

impl Channel {
    fn new(server: Arc<Server>, device: Whose, peer: &Peer) -> Self {
        let certificate_end = peer.certified.as_ref().map_or(UnixTime(0), |one| one.not_after);
        Self {
            held: None,
            server,
            device,
            sent: CommandSeq(0),
            heard: Instant::now(),
            pinged: false,
            certificate_end,
            wiping: Wiping::No,
            allowance: Allowance::new(Instant::now()),
        }
    }

    async fn run(&mut self, place: &Subscription, socket: &mut WebSocket) -> End {
        // The place on the bus is taken already: what is committed after this look comes as a notice.
        if let Err(end) = Box::pin(self.send_orders(socket)).await {
            return end;
        }
        let stop = self.server.stop.clone();
        // What is done now and then is boxed: a device at rest, and most are, does not keep room for it.
        loop {
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => Err(End::Close(Close::GoingAway)),
                notices = place.next() => Box::pin(self.noticed(socket, notices)).await,
                message = socket.recv() => Box::pin(self.heard(socket, hear(message))).await,
                () = sleep_until(self.deadline()) => Box::pin(self.overdue(socket)).await,
            };
            if let Err(end) = step {
                return end;
            }
            if self.wiping == Wiping::Done {
                return End::Close(Close::ShutOut);
            }
        }
    }

    async fn noticed(&mut self, socket: &mut WebSocket, notices: Notices) -> Result<(), End> {
        if notices.has(Notice::Replaced) {
            return Err(End::Close(Close::Replaced));
        }
        if notices.has(Notice::Orders) {
            self.send_orders(socket).await?;
        }
        if notices.has(Notice::Policy) && self.wiping == Wiping::No {
            self.send_policy(socket).await?;
        }
        if notices.has(Notice::Notices) && self.wiping == Wiping::No && self.held.is_some() {
            self.send_notices(socket).await?;
        }
        Ok(())
    }

    /// Sends the orders that were not yet sent on this channel. A device that is shut out may only bring receipts.
    async fn send_orders(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let mut view = self.server.store.view().await?;
        let orders = view.orders(self.device.id, self.device.epoch).await?;
        let banned = view.is_banned(self.device.id, self.device.epoch).await?;
        drop(view);
        let undone = orders.into_iter().filter(|one| one.state.is_delivered(one.action));
        for order in undone.filter(|one| one.seq > self.sent).collect::<Vec<_>>() {
            self.sent = order.seq;
            if order.action.erases() {
                self.wiping = Wiping::Until(Instant::now() + WIPE_NOTED);
            }
            frames::send(socket, &ToDevice::Command(order.envelope.into())).await?;
        }
        if banned && self.wiping == Wiping::No { Err(End::Close(Close::ShutOut)) } else { Ok(()) }
    }

    /// Sends boundary and policy where they are newer than what the device holds; the boundary first, because the
    /// policy is held against it.
    async fn send_policy(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let Some(held) = &mut self.held else { return Ok(()) };
        let boundary = self.server.current.boundary().filter(|one| one.version > held.boundary);
        if let Some(boundary) = boundary {
            frames::send(socket, &ToDevice::Boundary(boundary.envelope.clone().into())).await?;
            held.boundary = boundary.version;
        }
        let signer = self.server.keys.signer.now();
        // One that an earlier key signed is being signed anew, and that one is told of too.
        let of_it = |bytes: &[u8]| envelope::signer(Kind::Policy, bytes).is_ok_and(|id| id == signer.id());
        let policy = self.server.current.policy_for(&self.device.group, self.device.id);
        let policy = policy.filter(|one| one.version > held.policy && of_it(&one.envelope));
        if let Some(policy) = policy {
            let key_certificate = signer.certificate().to_vec().into();
            let frame = ToDevice::Policy { policy: policy.envelope.clone().into(), key_certificate };
            frames::send(socket, &frame).await?;
            held.policy = policy.version;
        }
        Ok(())
    }

    /// Sends what the portal shows, once there was something to show.
    async fn send_notices(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let Some(document) = notice::document(&self.server, &self.device.group).await? else { return Ok(()) };
        let signer = self.server.keys.signer.now();
        let (notices, key_certificate) = (signer.notices(&document).into(), signer.certificate().to_vec().into());
        frames::send(socket, &ToDevice::Notices { notices, key_certificate }).await?;
        Ok(())
    }

    async fn heard(&mut self, socket: &mut WebSocket, what: Heard) -> Result<(), End> {
        self.heard = Instant::now();
        self.pinged = false;
        match what {
            Heard::Life => Ok(()),
            Heard::End => Err(End::Gone),
            Heard::Malformed => Err(End::Close(Close::Malformed)),
            // A receipt is never dropped: it is the one frame that a wipe waits for.
            Heard::Frame(FromDevice::Receipt(envelope)) => self.take_receipt(socket, &envelope).await,
            Heard::Frame(_) if !self.allowance.take(self.heard) => {
                self.server.metrics.count("push-frame", Reason::RateLimited.code());
                Ok(())
            }
            Heard::Frame(_) if self.wiping != Wiping::No => Ok(()),
            Heard::Frame(frame) => self.take(socket, frame).await,
        }
    }

    async fn take(&mut self, socket: &mut WebSocket, frame: FromDevice) -> Result<(), End> {
        let (server, id) = (&self.server, self.device.id);
        match frame {
            FromDevice::Held { boundary, policy } => {
                let held = Held { boundary, policy };
                report::held(server, id, held).await?;
                self.held = Some(held);
                self.send_policy(socket).await?;
                self.send_notices(socket).await?;
            }
            FromDevice::PolicyInForce(version) => report::in_force(server, id, version).await?,
            FromDevice::PolicyRefused { version, reason } => report::refused(server, id, version, &reason).await?,
            FromDevice::Event(event) => report::event(server, id, event).await?,
            // Taken before: receipts are heard from a wiped device too.
            FromDevice::Receipt(_) => {}
        }
        Ok(())
    }

    async fn take_receipt(&mut self, socket: &mut WebSocket, envelope: &[u8]) -> Result<(), End> {
        match receipt::keep(&self.server, envelope).await {
            Ok(kept) => {
                frames::send(socket, &ToDevice::ReceiptKept { seq: kept.seq, stage: kept.stage }).await?;
                self.advance(&kept);
                Ok(())
            }
            Err(Denial::Refused { reason, .. }) => {
                tracing::warn!(device = %self.device.id, reason = reason.code(), "receipt refused");
                receipt::note_bad(&self.server, self.device.id, self.device.epoch, reason).await?;
                Ok(())
            }
            Err(Denial::Store(error)) => Err(error.into()),
            Err(Denial::Crypto(_)) => Err(End::Store),
        }
    }

    fn advance(&mut self, kept: &Receipt) {
        if self.wiping == Wiping::No {
            return;
        }
        self.wiping = match kept.stage {
            Stage::Accepted => Wiping::Until(Instant::now() + WIPE_DONE),
            Stage::Destroyed | Stage::EpochMismatch => Wiping::Done,
        };
    }

    /// When something must happen if nothing does.
    fn deadline(&self) -> Instant {
        let silence = if self.pinged { DEAD_AFTER_SECONDS } else { PING_AFTER_SECONDS };
        let quiet = self.heard + Duration::from_secs(silence);
        let certificate = u64::try_from(self.certificate_end.since(clock::now())).unwrap_or(0);
        let over = Instant::now() + Duration::from_secs(certificate.max(1));
        match self.wiping {
            Wiping::No | Wiping::Done => quiet.min(over),
            Wiping::Until(limit) => limit,
        }
    }

    async fn overdue(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        if let Wiping::Until(_) = self.wiping {
            return Err(End::Close(Close::ShutOut));
        }
        if clock::now() >= self.certificate_end {
            self.look_at_certificate().await?;
        }
        let silent = self.heard.elapsed();
        if silent >= Duration::from_secs(DEAD_AFTER_SECONDS) {
            return Err(End::Gone);
        }
        if silent >= Duration::from_secs(PING_AFTER_SECONDS) && !self.pinged {
            self.pinged = true;
            frames::ping(socket).await?;
        }
        Ok(())
    }

    /// The certificate that opened the channel is over: it may stay if a newer one was issued since.
    async fn look_at_certificate(&mut self) -> Result<(), End> {
        let device = self.server.store.view().await?.device(self.device.id).await?;
        let newer = device.and_then(|device| device.certificate_until).filter(|end| *end > clock::now());
        match newer {
            Some(end) => {
                self.certificate_end = end;
                Ok(())
            }
            None => Err(End::Close(Close::ShutOut)),
        }
    }
}

/// A bucket of frames, so that one device cannot keep the database busy.
struct Allowance {
    left: u32,
    filled: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { left: BURST, filled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let seconds = u32::try_from(now.duration_since(self.filled).as_secs()).unwrap_or(u32::MAX);
        if seconds > 0 {
            self.left = self.left.saturating_add(seconds.saturating_mul(FRAMES_A_SECOND)).min(BURST);
            self.filled = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_bounded_and_the_bucket_fills_again() {
        let t0 = Instant::now();
        let mut allowance = Allowance::new(t0);
        let taken = (0..BURST * 2).filter(|_| allowance.take(t0)).count();
        assert_eq!(taken, usize::try_from(BURST).unwrap_or(0));
        assert!(allowance.take(t0 + Duration::from_secs(1)));
    }
}
