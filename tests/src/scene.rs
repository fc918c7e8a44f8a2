//! A server with a policy in force, a site, a display, and as many devices as a test needs.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use installer::{
    demo::{
        browser::{Device, Session, field},
        server::{PolicyServer, Reach},
    },
    harness::{display::Display, wait::wait_for},
};
use policy_server_core::storm;
use serde_json::Value;

use crate::{Place, Site, Wrong, rogue};

/// What the owner of a test's device types.
pub const PIN: &str = "493817";
/// Time for something a person would wait for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything a test plays with. Dropped in this order.
pub struct Scene {
    /// The server.
    pub server: PolicyServer,
    /// The display on which windows open.
    pub display: Display,
    /// The site that is allowed.
    pub site: Site,
    place: Place,
}

impl Scene {
    /// Starts server, site and display, and puts boundary and policy in force.
    ///
    /// # Errors
    /// What could not be started.
    pub fn new(place: &Place, page: &str) -> Result<Self, Wrong> {
        Self::with(place, Site::start(page.to_owned())?)
    }

    /// [`Scene::new`] with a site that is there already.
    ///
    /// # Errors
    /// What could not be started.
    pub fn with(place: &Place, site: Site) -> Result<Self, Wrong> {
        let display = Display::start(&made(place.folder("display"))?, None)?;
        let mut server = PolicyServer::init(&place.program("policy-server"), &made(place.folder("server"))?)?;
        server.serve()?;
        server.apply_boundary(Reach { port: site.port, ca: &site.ca })?;
        server.apply_policy(Reach { port: site.port, ca: &site.ca })?;
        Ok(Self { server, display, site, place: place.clone() })
    }

    /// The policy once more, with a higher version.
    ///
    /// # Errors
    /// What the server said.
    pub fn apply_policy_again(&self) -> Result<(), Wrong> {
        Ok(self.server.apply_policy(Reach { port: self.site.port, ca: &self.site.ca })?)
    }

    /// A device that is not enrolled.
    ///
    /// # Errors
    /// What the file system said.
    pub fn device(&self, name: &str) -> Result<Device, Wrong> {
        let device =
            Device::new(&self.place.program("secure-browser"), &made(self.place.folder(name))?, PIN.to_owned());
        for folder in device.folders() {
            made(folder)?;
        }
        Ok(device)
    }

    /// A device that is enrolled, and its id.
    ///
    /// # Errors
    /// What the browser or the server said.
    pub fn enrolled(&self, name: &str) -> Result<(Device, String), Wrong> {
        let device = self.device(name)?;
        let known = self.ids()?;
        device.enroll(&self.server.invite("花子")?)?;
        let id = self.ids()?.into_iter().find(|id| !known.contains(id)).ok_or("the server knows no new device")?;
        Ok((device, id))
    }

    fn ids(&self) -> Result<Vec<String>, Wrong> {
        Ok(self.server.devices()?.iter().map(|device| field(device, "id").to_owned()).collect())
    }

    /// Opens the workspace on the site's first page and waits until the page is there.
    ///
    /// # Errors
    /// What the browser said.
    pub fn open(&self, device: &Device) -> Result<Session, Wrong> {
        let mut session = self.start(device, &[], PIN)?;
        session.event("ready", PATIENCE, |_| true)?;
        session.event("page", PATIENCE, |event| field(event, "url").starts_with(&self.site.start_page()))?;
        Ok(session)
    }

    /// Starts the browser on the site's first page, with `environment` and `pin`.
    ///
    /// # Errors
    /// What the browser said.
    pub fn start(&self, device: &Device, environment: &[(&str, &str)], pin: &str) -> Result<Session, Wrong> {
        self.start_at(device, &self.site.start_page(), environment, pin)
    }

    /// [`Scene::start`], on the page `start`.
    ///
    /// # Errors
    /// What the browser said.
    pub fn start_at(
        &self,
        device: &Device,
        start: &str,
        environment: &[(&str, &str)],
        pin: &str,
    ) -> Result<Session, Wrong> {
        let mut open = device.command(Some(&self.display), &["open", start, "--json", "--pin-stdin"]);
        open.envs(environment.iter().copied()).stdin(Stdio::piped());
        let log = self.log(device);
        let mut session = Session::start(&mut open, &log)?;
        session.give_pin(pin)?;
        Ok(session)
    }

    /// Where a device's words go.
    #[must_use]
    pub fn log(&self, device: &Device) -> PathBuf {
        device.profile().with_file_name("open.log")
    }

    /// Waits until the wipe of device `id` is in `state`.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn wipe_reaches(&self, id: &str, state: &str) -> Result<Value, Wrong> {
        let what = format!("the wipe to be {state}");
        Ok(wait_for(&what, PATIENCE, || {
            let device = self.server.device(id).ok()?;
            (field(device.get("wipe")?, "state") == state).then_some(device)
        })?)
    }

    /// Moves every order a day into the past: whoever erases one device after the other in a test makes no storm of it.
    ///
    /// # Errors
    /// What the database said.
    pub fn a_day_passes(&self) -> Result<(), Wrong> {
        let statement = format!("UPDATE command SET issued_at = issued_at - {};", storm::DAY_SECONDS);
        rogue::sql(&rogue::database(&self.server.data())?, &statement)
    }

    /// Runs the browser once with `pin` and says how it ended: exit code and the reasons it gave.
    ///
    /// # Errors
    /// When it does not end.
    pub fn refusal(&self, device: &Device, pin: &str) -> Result<(i32, Vec<String>), Wrong> {
        let mut session = self.start(device, &[], pin)?;
        let code = session.exit_code(PATIENCE)?;
        Ok((code, reasons(&session.lines())))
    }
}

/// Puts the policy in force with `change` made to it.
///
/// # Errors
/// What the server said.
pub fn change_policy(place: &Place, scene: &Scene, change: impl FnOnce(&str) -> String) -> Result<(), Wrong> {
    let file = scene.server.data().with_file_name("policy.toml");
    fs::write(&file, change(&fs::read_to_string(&file)?))?;
    let mut apply = Command::new(place.program("policy-server"));
    apply.args(["policy", "apply"]).arg(&file).args(["--group", "home-care", "--data"]).arg(scene.server.data());
    if apply.status()?.success() { Ok(()) } else { Err("the changed policy was refused".into()) }
}

/// The `reason` of every event that has one.
fn reasons(lines: &[String]) -> Vec<String> {
    let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.map(|event| field(&event, "reason").to_owned()).filter(|reason| !reason.is_empty()).collect()
}

fn made(folder: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// Every process of a browser session in this world, as id and command line.
#[must_use]
pub fn processes_of_sessions() -> Vec<(i32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let words = String::from_utf8_lossy(&line).replace('\0', " ");
        let of_session = ["secure-browser", "Xephyr", "WebKit", "bwrap", "fcitx5", "mozc_server", "dbus-daemon"]
            .iter()
            .any(|name| words.contains(name));
        of_session.then_some((id, words))
    })
    .collect()
}
