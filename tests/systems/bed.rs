//! What every part of the suite shares: the systems, the policy that lists them, a device, a display to look at.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use installer::{
    demo::browser::{Device, Session, field},
    harness::{
        display::Selection,
        wait::{wait_for, wait_until},
    },
};
use workspace_tests::{PIN, Place, Scene, Site, Wrong};

use crate::{PATIENCE, hand::Hand, report::Row, ward::Ward};

/// What the person copied elsewhere, before the workspace.
const BEFORE: &str = "what the person copied elsewhere";

/// For one press to show.
const ONE_PRESS: Duration = Duration::from_secs(5);

/// Everything a play needs.
pub struct Bed<'a> {
    pub place: &'a Place,
    pub ward: Ward,
    pub scene: Scene,
    pub device: Device,
}

impl<'a> Bed<'a> {
    /// Starts the systems and enrolls a device.
    pub fn new(place: &'a Place) -> Result<Self, Wrong> {
        let site = Site::start("<!doctype html>".to_owned())?;
        let ward = Ward::start(place, site.port)?;
        let scene = Scene::with(place, site)?;
        scene.server.apply_boundary_file(&ward.boundary())?;
        scene.server.apply_policy_file(&ward.policy()?)?;
        let (device, _) = scene.enrolled("device")?;
        Ok(Self { place, ward, scene, device })
    }

    /// What the pages tell and send.
    pub fn site(&self) -> &Site {
        &self.scene.site
    }

    /// Plays one system and says how long it took, and where it fails what was told last.
    pub fn timed(&mut self, name: &str, play: &dyn Fn(&mut Bed<'a>) -> Result<Row, Wrong>) -> Result<Row, Wrong> {
        let since = Instant::now();
        let row = play(self);
        println!("{name}: {:.1} s", since.elapsed().as_secs_f32());
        if row.is_err() {
            println!("what the pages told last: {:?}", self.site().paths().iter().rev().take(12).collect::<Vec<_>>());
        }
        row
    }

    /// Opens the workspace on `url` and waits until it is ready.
    pub fn open(&self, url: &str) -> Result<Session, Wrong> {
        self.open_with(url, &[])
    }

    /// Opens the workspace on its portal.
    pub fn open_portal(&self) -> Result<Session, Wrong> {
        self.copied_before()?;
        let mut session = self.device.open(&self.scene.display)?;
        session.event("ready", PATIENCE, |_| true)?;
        Ok(session)
    }

    fn copied_before(&self) -> Result<(), Wrong> {
        for selection in Selection::ALL {
            self.scene.display.copy(selection, BEFORE)?;
        }
        Ok(())
    }

    /// [`Bed::open`] with more in the browser's environment.
    pub fn open_with(&self, url: &str, environment: &[(&str, &str)]) -> Result<Session, Wrong> {
        self.copied_before()?;
        let mut session = self.scene.start_at(&self.device, url, environment, PIN)?;
        session.event("ready", PATIENCE, |_| true)?;
        Ok(session)
    }

    /// Ends the session; by then the desktop's clipboards are what they were before it.
    pub fn end(&self, mut session: Session) -> Result<(), Wrong> {
        self.nothing_copied()?;
        session.ask_to_end()?;
        session.event("wiped", PATIENCE, |_| true)?;
        let code = session.exit_code(PATIENCE)?;
        if code == 0 { Ok(()) } else { Err(format!("exit code {code}").into()) }
    }

    /// Fails if the desktop's clipboards hold anything else than before the session.
    pub fn nothing_copied(&self) -> Result<(), Wrong> {
        for selection in Selection::ALL {
            let now = self.scene.display.pasted(selection)?;
            if now != BEFORE {
                return Err(format!("the desktop's {selection:?} became {now:?}").into());
            }
        }
        Ok(())
    }

    /// Fails if `marker` stands in a file of the device or of a shared folder.
    pub fn nothing_kept(&self, marker: &str) -> Result<(), Wrong> {
        let shared = ["/tmp", "/dev/shm"].map(Into::into);
        let folders = self.device.folders().into_iter().chain([self.device.profile()]).chain(shared);
        match folders.filter_map(|folder| stands_in(&folder, marker.as_bytes())).next() {
            Some(file) => Err(format!("{marker} stands in {}", file.display()).into()),
            None => Ok(()),
        }
    }

    /// Waits for the first thing that a page of `system` sends as `what`.
    pub fn posted(&self, system: &str, what: &str) -> Result<Vec<u8>, Wrong> {
        let path = format!("/told/{system}/{what}");
        let sent = wait_for(&format!("{what} to be sent"), PATIENCE, || self.site().posted(&path).into_iter().next())?;
        Ok(sent.to_vec())
    }

    /// Presses part `name` of the page until the workspace tells of a refusal for `reason`: a press right after a page has
    /// come back may be lost.
    pub fn refused(&self, session: &mut Session, hand: &Hand<'_>, name: &str, reason: &str) -> Result<(), Wrong> {
        let from = session.so_far();
        let refusal = wait_for(&format!("{name}: a refusal for {reason}"), PATIENCE, || {
            hand.press(name).ok()?;
            session.event_after(from, "blocked", ONE_PRESS, |event| field(event, "reason") == reason).ok()
        });
        refusal.map(drop).map_err(|error| format!("{error}; so far: {:?}", session.lines()).into())
    }

    /// Leaves the page that says why something was refused.
    pub fn back_to_the_page(&self, session: &mut Session, from: usize) -> Result<(), Wrong> {
        session.event_after(from, "screen", PATIENCE, |event| field(event, "front") == "problem")?;
        let from = session.so_far();
        self.scene.display.press("alt+Left")?;
        session.event_after(from, "screen", PATIENCE, |event| field(event, "front") == "content")?;
        Ok(())
    }

    /// The pixels of the display.
    pub fn pixels(&self) -> Vec<[u8; 3]> {
        let all = self.scene.display.pixels().unwrap_or_default();
        all.chunks_exact(3).filter_map(|pixel| pixel.try_into().ok()).collect()
    }

    /// Waits until the display shows `what`.
    pub fn shows(&self, what: &str, holds: impl FnMut() -> bool) -> Result<(), Wrong> {
        Ok(wait_until(what, PATIENCE, holds).inspect_err(|_| {
            // While the session is there to be seen; the failure itself is told anyway.
            let _ = self.photograph("not-shown");
        })?)
    }

    /// Keeps a picture of the display, where somebody asked for it.
    pub fn photograph(&self, name: &str) -> Result<(), Wrong> {
        let file = self.place.folder(&format!("{name}.png"));
        self.scene.display.photograph(&file)?;
        if let Some(shots) = workspace_tests::shots() {
            let _ = fs::copy(file, shots.join(format!("{name}.png")));
        }
        Ok(())
    }
}

/// How many pixels in a thousand have about this colour.
pub fn share(pixels: &[[u8; 3]], colour: [u8; 3]) -> usize {
    let near = |pixel: &&[u8; 3]| pixel.iter().zip(colour).all(|(one, other)| one.abs_diff(other) < 12);
    pixels.iter().filter(near).count() * 1000 / pixels.len().max(1)
}

/// A file below `folder` that holds `marker`.
fn stands_in(folder: &Path, marker: &[u8]) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).find_map(|path| {
        if path.is_dir() && !path.is_symlink() {
            return stands_in(&path, marker);
        }
        let bytes = fs::read(&path).ok()?;
        bytes.windows(marker.len()).any(|part| part == marker).then_some(path)
    })
}

/// Runs a tool of the machine.
pub fn tool(name: &str, args: &[&str]) -> Result<String, Wrong> {
    Ok(installer::harness::process::run(name, Command::new(name).args(args))?)
}
