//! A seeded faulty link between the server's own flows over SQLite and the browser's own profile, journal and wipe:
//! messages are dropped, doubled, reordered, delayed, replayed and cut; both sides are killed at their crash points and
//! between any two steps.
//!
//! A run is a walk of random steps; then the faults end and everything has its say. After each walk: no wipe that an
//! admin was told of is lost, no device is wiped that nobody ordered wiped, none is wiped again after it was enrolled
//! anew, no order is carried out twice, no acknowledged change of an admin is gone, and the log is whole and goes on, at
//! each admission, from what the device saw of it.
//!
//! A killed server goes on from its folder as the bytes lay there at that moment; a killed device from its profile.
//! That the walks can fail is shown by mutants: each weakens one promise, and the walks must find it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod device;
mod link;
mod site;

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    pin::pin,
    time::Instant,
};

use device::Device;
use futures_util::FutureExt;
use link::Link;
use site::{Site, Template};
use tempfile::TempDir;
use tokio::{runtime::Builder, sync::mpsc::UnboundedReceiver};
use workspace_lossy::{
    files, kill,
    link::{Sent, line},
};

/// Random numbers from a seed (SplitMix64), so that a walk can be walked again.
pub struct Dice(u64);

impl Dice {
    /// A number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    /// Whether something of `percent` percent happens.
    pub fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// One promise weakened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The server says that a receipt is kept before its unit of work commits.
    AckBeforeCommit,
    /// The admin is told that it is done before the unit of work commits.
    ToldBeforeCommit,
    /// Orders on their way live in memory.
    OutboxInMemory,
    /// The ban of a wiped epoch lives in memory.
    BanInMemory,
    /// The device obeys orders for another life.
    AnyLife,
    /// The device keeps the number of the last order in memory.
    NumberInMemory,
    /// The device's files are not synced before it goes on.
    Unsynced,
    /// A wipe that was cut short is not taken up again at the start.
    JournalIgnored,
    /// Receipts that are owed end with an enrollment.
    OwedForgotten,
    /// The wipe ends before its receipts are kept.
    NoReceipts,
}

/// Why a walk was not good.
type Fault = String;

/// What came of the walks.
#[derive(Debug, Default)]
struct Tally {
    walks: u64,
    wipes: u64,
    destroyed: u64,
    enrolled_again: u64,
    server_killed: u64,
    device_killed: u64,
    lost: u64,
    doubled: u64,
    replayed: u64,
    late: u64,
}

/// Steps of one walk before the faults end.
const STEPS: u64 = 45;
/// Rounds in which everything has its say.
const SETTLE: u64 = 60;
/// Walks on one server before a fresh one is made, so that its log stays short enough to be read each time.
const WALKS_A_SERVER: u64 = 50;

/// Everything but the device.
pub struct World {
    site: Site,
    link: Link,
    dice: Dice,
    line: UnboundedReceiver<Sent>,
    mutant: Option<Mutant>,
}

impl World {
    /// Lets the device's side work while the world answers what it sends; `None` if it was killed.
    pub async fn drive<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                Some(sent) = self.line.recv() => self.sent(sent).await,
            }
        };
        while let Ok(sent) = self.line.try_recv() {
            self.sent(sent).await;
        }
        match done {
            Ok(done) => Some(done),
            Err(cause) if cause.is::<kill::Killed>() => None,
            Err(cause) => resume_unwind(cause),
        }
    }

    async fn sent(&mut self, sent: Sent) {
        let Self { site, link, dice, mutant, .. } = self;
        match sent {
            Sent::Posted(receipt) => link.post(receipt),
            Sent::Asked(receipt, answer) => {
                if let Some(heard) = link.ask(receipt, site, dice, *mutant).await {
                    // The device was killed meanwhile: it asks again.
                    let _ = answer.send(heard);
                }
            }
        }
    }
}

async fn walk(world: &mut World, folder: &TempDir, tally: &mut Tally) -> Result<(), Fault> {
    let mut device = Device::enroll(world, folder.path().join("profile")).await;
    for _ in 0..STEPS {
        step(world, &mut device).await?;
    }
    kill::after(None);
    world.link.be_sound();
    for _ in 0..SETTLE {
        world.site.keep_up(world.mutant).await;
        device.start(world).await;
        device.speak(world).await;
        while world.link.holds_something() {
            let message = world.link.oldest();
            deliver(world, &mut device, message).await?;
        }
        if device.is_quiet() {
            break;
        }
    }
    world.site.check(&device).await?;
    tally.wipes += world.site.told();
    tally.destroyed += device.wiped().len() as u64;
    tally.enrolled_again += device.lives() - 1;
    tally.device_killed += device.times_killed();
    Ok(())
}

async fn step(world: &mut World, device: &mut Device) -> Result<(), Fault> {
    match world.dice.below(20) {
        0 | 1 => world.site.admin(device.any_life(&mut world.dice), &mut world.dice, world.mutant).await,
        2 => world.site.kill(),
        3 => world.site.arm(&mut world.dice),
        4 => device.kill(),
        5 | 6 => kill::after(Some(world.dice.below(14))),
        7 => device.enroll_again(world).await,
        8 => world.link.lose(&mut world.dice),
        9 => world.link.double(&mut world.dice),
        10 => world.link.replay(&mut world.dice),
        11 => device.start(world).await,
        12..=14 => {
            device.start(world).await;
            device.speak(world).await;
        }
        _ => {
            world.site.revive(&mut world.dice, world.mutant).await;
            if let Some(message) = world.link.any(&mut world.dice) {
                deliver(world, device, message).await?;
            }
        }
    }
    Ok(())
}

async fn deliver(world: &mut World, device: &mut Device, message: link::Message) -> Result<(), Fault> {
    let World { site, link, dice, mutant, .. } = world;
    match link.carry(message, site, dice, *mutant).await? {
        Some(to_device) => device.hear(world, to_device).await,
        None => Ok(()),
    }
}

/// Walks with the seeds from `from` on; the first that was not good ends it.
fn walks(from: u64, count: u64, mutant: Option<Mutant>) -> Result<Tally, Fault> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let (mut tally, template) = (Tally::default(), Template::make().await);
        while tally.walks < count {
            let mut site = Site::open(&template).await;
            for _ in 0..WALKS_A_SERVER.min(count - tally.walks) {
                let seed = from + tally.walks;
                let profile = memory();
                let mut world = World { site, link: Link::default(), dice: Dice(seed), line: line(), mutant };
                files::leave_unsynced(mutant == Some(Mutant::Unsynced));
                let walked = walk(&mut world, &profile, &mut tally).await;
                walked.map_err(|fault| format!("seed {seed}: {fault}"))?;
                tally.walks += 1;
                (tally.lost, tally.doubled) = (tally.lost + world.link.lost, tally.doubled + world.link.doubled);
                (tally.replayed, tally.late) = (tally.replayed + world.link.replayed, tally.late + world.link.late);
                site = world.site;
                tally.server_killed += site.forget().await;
            }
            site.check_log().await?;
        }
        Ok(tally)
    });
    files::leave_unsynced(false);
    done
}

/// A folder in memory where there is one: a disk's own pace is not what is looked at.
fn memory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// Seed of the first walk; `SW_LOSSY_SEED` names another.
fn seed() -> u64 {
    std::env::var("SW_LOSSY_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_124)
}

fn all_good(count: u64) {
    let start = Instant::now();
    let tally = walks(seed(), count, None).unwrap_or_else(|fault| panic!("{fault}"));
    println!("seeds {}..{}: {tally:?} in {:?}", seed(), seed() + count, start.elapsed());
    assert!(tally.wipes > 0 && tally.destroyed > 0 && tally.enrolled_again > 0, "nothing was tried: {tally:?}");
    assert!(tally.server_killed > 0 && tally.device_killed > 0, "nothing was killed: {tally:?}");
    assert!(tally.lost > 0 && tally.doubled > 0 && tally.replayed > 0 && tally.late > 0, "no faults: {tally:?}");
}

/// Walks until the mutant is found; it must be before the last.
fn found(mutant: Mutant) {
    let start = Instant::now();
    match walks(seed(), 400, Some(mutant)) {
        Ok(tally) => panic!("{mutant:?} was not found: {tally:?}"),
        Err(fault) => println!("{mutant:?}: {fault} after {:?}", start.elapsed()),
    }
}

#[test]
fn a_faulty_link_and_killed_sides_lose_no_wipe_and_make_none() {
    all_good(150);
}

/// `cargo nextest run --workspace --run-ignored only -E 'test(ten_thousand_walks)'`
#[test]
#[ignore = "minutes; the test above walks the first of them"]
fn ten_thousand_walks_over_a_faulty_link() {
    all_good(10_000);
}

#[test]
fn a_server_that_acknowledges_before_it_commits_is_found() {
    found(Mutant::AckBeforeCommit);
    found(Mutant::ToldBeforeCommit);
}

#[test]
fn a_server_that_keeps_orders_or_bans_in_memory_is_found() {
    found(Mutant::OutboxInMemory);
    found(Mutant::BanInMemory);
}

#[test]
fn a_device_that_does_not_look_whom_an_order_is_for_is_found() {
    found(Mutant::AnyLife);
}

#[test]
fn a_device_that_keeps_nothing_before_it_goes_on_is_found() {
    found(Mutant::NumberInMemory);
    found(Mutant::Unsynced);
}

#[test]
fn a_device_that_does_not_finish_what_it_began_is_found() {
    found(Mutant::JournalIgnored);
    found(Mutant::OwedForgotten);
    found(Mutant::NoReceipts);
}
