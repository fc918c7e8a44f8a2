//! The link: a bag of messages on their way. What is in it may be lost, doubled, reordered and late; an order that was
//! seen once may be shown again at any time, to whatever life the device has then.

use std::rc::Rc;

use serde_bytes::ByteBuf;
use workspace_lossy::link::LinkError;
use workspace_protocol::{
    channel::Nonce,
    device_api::{Hello, LogWord, SignedRequest},
    ids::{DeviceId, Epoch},
};

use super::{Dice, Fault, Mutant, site::Site};
use crate::flow::{Denial, hello, receipt, unlock};

/// The connection's own value: one for all, since a message on another connection is refused before it is read.
pub const EXPORTER: [u8; 32] = [7; 32];

/// A message on its way. Which contact it belongs to is part of it: nothing of an old connection is taken by a new one.
#[derive(Clone)]
pub enum Message {
    /// To the server.
    Hello(u64, DeviceId),
    /// To the server.
    Renew(u64, Rc<SignedRequest>),
    /// To the server.
    Receipt(ByteBuf),
    /// To the device: orders that wait, the root's word for their key, and a nonce.
    Greeted(u64, Nonce, Vec<ByteBuf>, ByteBuf),
    /// To the device: a lease, the root's word for its key, and the log as it is.
    Admitted(u64, ByteBuf, ByteBuf, LogWord),
    /// To the device.
    Refused(u64),
    /// To the device: an order by itself, and the root's word for its key.
    Order(ByteBuf, ByteBuf),
}

/// The messages on their way.
#[derive(Default)]
pub struct Link {
    bag: Vec<Message>,
    /// Orders that went over the link, with the root's word for their key.
    seen: Vec<(ByteBuf, ByteBuf)>,
    sound: bool,
    /// How many were lost.
    pub lost: u64,
    /// How many were doubled.
    pub doubled: u64,
    /// How many orders were shown again.
    pub replayed: u64,
    /// How many receipts came after their sender had given up waiting.
    pub late: u64,
}

impl Link {
    /// Puts a message on its way.
    pub fn send(&mut self, message: Message) {
        self.bag.push(message);
    }

    /// Puts a receipt on its way to which nobody waits for an answer.
    pub fn post(&mut self, receipt: ByteBuf) {
        self.send(Message::Receipt(receipt));
    }

    /// No faults from here on.
    pub fn be_sound(&mut self) {
        self.sound = true;
    }

    /// Loses one, or all at once: the cable is cut.
    pub fn lose(&mut self, dice: &mut Dice) {
        if dice.happens(30) {
            self.lost += self.bag.len() as u64;
            self.bag.clear();
        } else if self.any(dice).is_some() {
            self.lost += 1;
        }
    }

    /// Doubles one.
    pub fn double(&mut self, dice: &mut Dice) {
        if let Some(message) = self.any(dice) {
            self.bag.extend([message.clone(), message]);
            self.doubled += 1;
        }
    }

    /// Shows an order again that went over the link once.
    pub fn replay(&mut self, dice: &mut Dice) {
        if let Some((order, certificate)) = pick(&mut self.seen.clone(), dice) {
            self.send(Message::Order(order, certificate));
            self.replayed += 1;
        }
    }

    /// Takes any of them out.
    pub fn any(&mut self, dice: &mut Dice) -> Option<Message> {
        pick(&mut self.bag, dice)
    }

    /// Whether something is on its way.
    pub fn holds_something(&self) -> bool {
        !self.bag.is_empty()
    }

    /// Takes the oldest out.
    pub fn oldest(&mut self) -> Message {
        self.bag.remove(0)
    }

    /// Brings a receipt whose sender waits for the answer; `None` if no answer comes.
    pub async fn ask(
        &mut self,
        receipt: ByteBuf,
        site: &mut Site,
        dice: &mut Dice,
        mutant: Option<Mutant>,
    ) -> Option<Result<(), LinkError>> {
        let (lost, late, deaf) = (dice.happens(20), dice.happens(15), dice.happens(15));
        if !self.sound && lost {
            self.lost += 1;
            return None;
        }
        if !self.sound && late {
            self.late += 1;
            self.post(receipt);
            return None;
        }
        let answer = keep(&receipt, site, dice, mutant).await;
        if self.sound || !deaf { answer } else { None }
    }

    /// Brings a message to the server, or gives one for the device back.
    pub async fn carry(
        &mut self,
        message: Message,
        site: &mut Site,
        dice: &mut Dice,
        mutant: Option<Mutant>,
    ) -> Result<Option<Message>, Fault> {
        match message {
            Message::Hello(contact, device) => {
                let ask = Hello { device, epoch: Epoch(1) };
                let answer = site.run(async |server| hello::hello(server, ask).await.ok()).await;
                let greeted = answer.map(|reply| match reply {
                    Some(reply) => {
                        let orders = reply.pending.iter().map(|one| (one.clone(), reply.key_certificate.clone()));
                        self.seen.extend(orders);
                        Message::Greeted(contact, reply.nonce, reply.pending, reply.key_certificate)
                    }
                    None => Message::Refused(contact),
                });
                self.bag.extend(greeted);
            }
            Message::Renew(contact, ask) => {
                let device = ask.device;
                let admitted = site.run(async |server| unlock::renew(server, &EXPORTER, &ask).await.ok()).await;
                if matches!(admitted, Some(Some(_))) && site.was_told_of(device) {
                    return Err(format!("{device} got a lease after its wipe was issued"));
                }
                self.bag.extend(admitted.map(|reply| match reply {
                    Some(reply) => Message::Admitted(contact, reply.lease, reply.key_certificate, reply.log),
                    None => Message::Refused(contact),
                }));
            }
            Message::Receipt(bytes) => {
                keep(&bytes, site, dice, mutant).await;
            }
            to_device => return Ok(Some(to_device)),
        }
        Ok(None)
    }
}

fn pick<T>(all: &mut Vec<T>, dice: &mut Dice) -> Option<T> {
    let most = all.len() as u64;
    (most > 0).then(|| all.remove(usize::try_from(dice.below(most)).unwrap()))
}

/// The server's answer to a receipt; `None` if it was killed before it could give one.
async fn keep(
    receipt: &[u8],
    site: &mut Site,
    dice: &mut Dice,
    mutant: Option<Mutant>,
) -> Option<Result<(), LinkError>> {
    let too_soon = mutant == Some(Mutant::AckBeforeCommit);
    if too_soon && dice.happens(20) {
        site.arm_at("server.receipt.before-commit");
    }
    let was_up = site.is_up();
    match site.run(async |server| receipt::keep(server, receipt).await).await {
        Some(Ok(_)) => Some(Ok(())),
        Some(Err(Denial::Refused { reason, .. })) => Some(Err(LinkError::Refused { reason })),
        Some(Err(_)) => None,
        None => (too_soon && was_up).then_some(Ok(())),
    }
}
