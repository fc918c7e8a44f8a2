//! The server's side: a data folder, a server over it that can be killed, admins who remember what they were told.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::FutureExt;
use policy_server_core::{
    audit::Verifier,
    fleet::Standing,
    outbox::{CommandState, Order},
    signing::sign_boundary,
    storm,
};
use policy_server_store::{Store, View};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use workspace_protocol::ids::{DeviceId, Epoch, Version};

use super::{Dice, Fault, Mutant, device::Device, memory};
use crate::{
    clock,
    crash::trap,
    data::{DataDir, init, root},
    flow::{boundary, order, policy, second},
    server::Server,
    testing::{ADMIN, BOUNDARY, policy_toml},
};

/// Says yes to what the first admin may not do alone.
const SECOND: &str = "admin:second";

/// Places at which the server is killed in the middle of its work.
const POINTS: [&str; 12] = [
    "server.wipe.before-commit",
    "server.wipe.committed",
    "server.wipe.published",
    "server.retire.before-commit",
    "server.retire.committed",
    "server.lock.before-commit",
    "server.lock.committed",
    "server.release.committed",
    "server.receipt.before-commit",
    "server.receipt.committed",
    "server.renew.committed",
    "server.policy.committed",
];

/// A folder as `init` makes it, with boundary and policy: what every server begins with.
pub struct Template(TempDir);

impl Template {
    /// Makes it.
    pub async fn make() -> Self {
        let folder = memory();
        let data = folder.path().join("0");
        let wish =
            init::Wish { data: &data, url: "https://127.0.0.1:8443", org: "Clinic", root_key: None, boundary: None };
        init::init(&wish).await.unwrap();
        let dir = DataDir::new(&data);
        let server = Server::open(&dir, true).await.unwrap();
        let key = root::load(&dir.file("root.key")).unwrap();
        let envelope = sign_boundary(&key, BOUNDARY, Version(2), clock::now(), 86_400);
        boundary::apply(&server, ADMIN, envelope).await.unwrap();
        apply(&server).await.unwrap();
        server.store.close().await;
        Self(folder)
    }
}

async fn apply(server: &Server) -> Option<Version> {
    let group = "home-care".parse().unwrap();
    policy::apply(server, ADMIN, &group, "p.toml", &policy_toml("care.example")).await.ok()
}

/// A server and what its admins know.
pub struct Site {
    folder: TempDir,
    /// Rises with each kill: what lay in the folder then is where the next server begins.
    lives: u64,
    server: Option<Arc<Server>>,
    killed: u64,
    /// Orders that erase, as an admin was told of them in this walk.
    told: Vec<DeviceId>,
    /// Every order that erases which somebody tried to give, told or not.
    tried: Vec<DeviceId>,
    /// Where devices stand by the last word that an admin was given; none after one that was cut off.
    standing: BTreeMap<DeviceId, Standing>,
    /// The newest policy that the admin was told is in force.
    policy: Version,
}

/// The folder of a life.
fn life(folder: &Path, nth: u64) -> PathBuf {
    folder.join(nth.to_string())
}

/// Keeps a folder as its bytes lie there now: what a killed process leaves. SQLite's shared memory is no part of it.
fn image(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

impl Site {
    /// A new server.
    pub async fn open(template: &Template) -> Self {
        let folder = memory();
        image(&life(template.0.path(), 0), &life(folder.path(), 0));
        let mut site = Self {
            folder,
            lives: 0,
            server: None,
            killed: 0,
            told: vec![],
            tried: vec![],
            standing: BTreeMap::new(),
            policy: Version(0),
        };
        site.keep_up(None).await;
        site
    }

    fn dir(&self) -> DataDir {
        DataDir::new(&life(self.folder.path(), self.lives))
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.server.is_some()
    }

    /// Runs a flow; `None` if the server is not there, or was killed before it could answer.
    pub async fn run<T>(&mut self, work: impl AsyncFnOnce(&Server) -> T) -> Option<T> {
        let server = self.server.clone()?;
        match AssertUnwindSafe(work(&server)).catch_unwind().await {
            Ok(answer) => Some(answer),
            Err(cause) if cause.is::<trap::Killed>() => {
                self.fell();
                None
            }
            Err(cause) => resume_unwind(cause),
        }
    }

    /// Kills the server between two steps.
    pub fn kill(&mut self) {
        trap::disarm();
        if self.server.is_some() {
            image(self.dir().path(), &life(self.folder.path(), self.lives + 1));
            self.fell();
        }
    }

    /// The next life is imaged already.
    fn fell(&mut self) {
        let before = self.dir();
        (self.lives, self.killed, self.server) = (self.lives + 1, self.killed + 1, None);
        // Connections of the dead may still be open in there.
        let _ = fs::remove_dir_all(before.path());
    }

    /// The server is killed at its next way past one of the points.
    pub fn arm(&mut self, dice: &mut Dice) {
        self.arm_at(POINTS[usize::try_from(dice.below(POINTS.len() as u64)).unwrap()]);
    }

    /// The server is killed at its next way past a point.
    pub fn arm_at(&mut self, point: &'static str) {
        let (from, to) = (self.dir().path().to_owned(), life(self.folder.path(), self.lives + 1));
        trap::arm(point, move || image(&from, &to));
    }

    /// Starts the server again, mostly.
    pub async fn revive(&mut self, dice: &mut Dice, mutant: Option<Mutant>) {
        if self.server.is_none() && dice.happens(70) {
            self.start(mutant).await;
        }
    }

    /// Starts the server again, and kills it no more.
    pub async fn keep_up(&mut self, mutant: Option<Mutant>) {
        trap::disarm();
        if self.server.is_none() {
            self.start(mutant).await;
        }
    }

    async fn start(&mut self, mutant: Option<Mutant>) {
        let forgotten = match mutant {
            Some(Mutant::OutboxInMemory) => "DELETE FROM command WHERE state IN ('issued', 'accepted')",
            Some(Mutant::BanInMemory) => "DELETE FROM ban",
            _ => "",
        };
        if !forgotten.is_empty() {
            self.change(forgotten).await;
        }
        self.server = Some(Server::open(&self.dir(), true).await.unwrap());
    }

    /// An admin does something and remembers what he was told.
    pub async fn admin(&mut self, device: DeviceId, dice: &mut Dice, mutant: Option<Mutant>) {
        let name = device.to_string();
        self.standing.remove(&device);
        match dice.below(8) {
            0..=2 => self.erase(device, mutant, async |server| order::wipe(server, ADMIN, &name).await.ok()).await,
            3 => {
                let give = async |server: &Server| order::retire(server, ADMIN, &name).await.ok()?.order;
                self.erase(device, mutant, give).await;
            }
            4 => {
                let give = async |server: &Server| second::approve(server, SECOND, &name).await.ok()?.order;
                self.erase(device, mutant, give).await;
            }
            5 => {
                let locked = self.run(async |server| order::lock(server, ADMIN, &name).await.is_ok()).await;
                self.stands(device, locked, Standing::Locked);
            }
            6 => {
                let released = self.run(async |server| order::release(server, ADMIN, &name).await.is_ok()).await;
                self.stands(device, released, Standing::Active);
            }
            _ => {
                if let Some(version) = self.run(async |server| apply(server).await).await.flatten() {
                    self.policy = version;
                }
            }
        }
    }

    fn stands(&mut self, device: DeviceId, done: Option<bool>, standing: Standing) {
        if done == Some(true) {
            self.standing.insert(device, standing);
        }
    }

    async fn erase(
        &mut self,
        device: DeviceId,
        mutant: Option<Mutant>,
        give: impl AsyncFnOnce(&Server) -> Option<Order>,
    ) {
        self.tried.push(device);
        let too_soon = mutant == Some(Mutant::ToldBeforeCommit) && self.is_up();
        match self.run(give).await {
            // One that waits for a second admin is told as just that.
            Some(Some(order)) if order.state != CommandState::Requested => self.told.push(device),
            None if too_soon => self.told.push(device),
            Some(_) | None => {}
        }
    }

    /// Wipes and retirements of which an admin was told in this walk.
    pub fn told(&self) -> u64 {
        self.told.len() as u64
    }

    /// Whether an admin was told that a device is being erased.
    pub fn was_told_of(&self, device: DeviceId) -> bool {
        self.told.contains(&device)
    }

    /// The promises, at the end of a walk.
    pub async fn check(&mut self, device: &Device) -> Result<(), Fault> {
        // A kill that a mutant was given may have come last.
        self.keep_up(None).await;
        if let Some(lost) = self.told.iter().find(|told| !device.wiped().contains(told)) {
            return Err(format!("the wipe of {lost} was lost on the device"));
        }
        if let Some(false_one) = device.wiped().iter().find(|wiped| !self.tried.contains(wiped)) {
            return Err(format!("{false_one} was wiped and nobody ordered it"));
        }
        let (told, wiped, standing) = (self.told.clone(), device.wiped().to_vec(), self.standing.clone());
        let (tried, policy) = (self.tried.clone(), self.policy);
        let checked = self.run(async |server| {
            let mut view = server.store.view().await.unwrap();
            for id in told {
                destroyed(&mut view, id).await?;
            }
            for id in wiped {
                issued_once(&mut view, id).await?;
            }
            for (id, said) in standing.into_iter().filter(|(id, _)| !tried.contains(id)) {
                let stands = view.device(id).await.unwrap().unwrap().standing;
                if stands != said {
                    return Err(format!("{id} stands {stands:?}, and the admin was told {said:?}"));
                }
            }
            let held = view.policy(&"home-care".parse().unwrap()).await.unwrap().unwrap().version;
            if held < policy { Err(format!("policy {policy} was acknowledged and is lost")) } else { Ok(()) }
        });
        checked.await.unwrap()
    }

    /// The log is whole, whatever was killed while it was written.
    pub async fn check_log(&mut self) -> Result<(), Fault> {
        self.keep_up(None).await;
        let checked = self.run(async |server| {
            let mut log = Verifier::new(&server.keys.log);
            let leaves = server.store.view().await.unwrap().leaves(0, 1_000_000).await.unwrap();
            leaves.iter().try_for_each(|leaf| log.next(leaf).map(drop).map_err(|broken| broken.to_string()))
        });
        checked.await.unwrap()
    }

    /// Ends a walk: a day passes, so that the walks together are no storm; how often the server was killed in it.
    pub async fn forget(&mut self) -> u64 {
        (self.told, self.tried, self.standing) = (vec![], vec![], BTreeMap::new());
        self.change(&format!("UPDATE command SET issued_at = issued_at - {}", storm::DAY_SECONDS)).await;
        std::mem::take(&mut self.killed)
    }

    /// Changes the database behind the server's back.
    async fn change(&self, statement: &str) {
        let options = SqliteConnectOptions::new().filename(self.dir().database());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// What was acknowledged is carried out, receipted and shut out for ever.
async fn destroyed<V: View>(view: &mut V, id: DeviceId) -> Result<(), Fault> {
    let row = view.device(id).await.unwrap().unwrap();
    let orders = view.orders(id, Epoch(1)).await.unwrap();
    let Some(erased) = orders.iter().rfind(|one| one.action.erases() && one.state != CommandState::Requested) else {
        return Err(format!("the order to erase {id} was acknowledged and is lost"));
    };
    if erased.state != CommandState::Destroyed {
        return Err(format!("{id} is wiped and the server does not know it: {:?}", erased.state));
    }
    if !view.is_banned(id, Epoch(1)).await.unwrap() {
        return Err(format!("the ban of {id} is lost"));
    }
    let shut_out = matches!(row.standing, Standing::Wiped | Standing::Retired);
    if shut_out { Ok(()) } else { Err(format!("{id} is wiped and stands {:?}", row.standing)) }
}

/// No device is gone without an issued order, and no order was issued twice.
async fn issued_once<V: View>(view: &mut V, id: DeviceId) -> Result<(), Fault> {
    let orders = view.orders(id, Epoch(1)).await.unwrap();
    let issued = orders.iter().filter(|one| one.action.erases() && !one.envelope.is_empty()).count();
    if issued == 1 { Ok(()) } else { Err(format!("{id} was wiped by {issued} orders: {orders:?}")) }
}
