//! The story: what a care team's day with the workspace looks like, each step checked from outside.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::geteuid;
use rand::Rng;
use time::OffsetDateTime;

use super::{
    browser::{Device, Session, field},
    page::Hand,
    report::{Failed, Report},
    server::{PolicyServer, Reach, text},
    traces::{Search, Trace, session_processes},
};
use crate::{
    harness::{
        display::{Display, SIZE, Selection},
        wait::{wait_for, wait_until},
    },
    stack::{Seen, Spot, Stack},
};

/// The steps in their order, by their stable names.
pub const STEPS: &[&str] = &[
    "display-ready",
    "chat-started",
    "server-started",
    "boundary-signed",
    "policy-applied",
    "device-enrolled",
    "portal-shown",
    "allowed-page-works",
    "message-delivered",
    "copy-blocked",
    "download-blocked",
    "other-origin-blocked",
    "exit-wipes",
    "reopened",
    "admin-wipes",
    "receipt-arrived",
    "open-refused",
];
/// The steps when a person sits in front of the screen and does the rest.
pub const STEPS_FOR_A_PERSON: &[&str] = &[
    "display-ready",
    "chat-started",
    "server-started",
    "boundary-signed",
    "policy-applied",
    "device-enrolled",
    "portal-shown",
];

/// Time for something a person would wait for.
const PATIENCE: Duration = Duration::from_secs(40);
/// Time within which a wipe must be done and told.
const AT_ONCE: Duration = Duration::from_secs(10);
/// What the host's clipboards hold before the page's copy.
const BEFORE: &str = "what the person copied elsewhere";

/// What went wrong in a step.
pub type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// Where everything of one run lies.
#[derive(Clone, Debug)]
pub struct Places {
    /// Folder of the run.
    pub base: PathBuf,
    /// Folder of the programs.
    pub programs: PathBuf,
    /// Tarball of converse.js.
    pub package: PathBuf,
}

impl Places {
    /// Where report and screenshots go.
    #[must_use]
    pub fn out(&self) -> PathBuf {
        self.base.join("out")
    }
}

/// A world in which the device is enrolled.
struct Ready {
    // Dropped in this order.
    device: Device,
    server: PolicyServer,
    stack: Stack,
    base: PathBuf,
    /// When all of it began, in seconds since 1970.
    since: i64,
}

/// Plays the whole story on a virtual display.
///
/// # Errors
/// [`Failed`] at the first step that does not hold.
pub fn play(places: &Places, report: &mut Report) -> Result<(), Failed> {
    let display = report.step("display-ready", || {
        fs::create_dir_all(places.out())?;
        Ok::<_, Wrong>(Display::start(&places.base, None)?)
    })?;
    let shots = Shots { display: &display, folder: places.out() };
    let ready = set_up(places, report)?;
    let mut session = shots.step(report, "portal-shown", || show_portal(&ready.device, &shots, "portal"))?;
    let marker = first_session(&ready, &shots, &mut session, report)?;
    report.step("exit-wipes", || exit_wipes(&ready, &mut session, &marker))?;
    second_session(&ready, &shots, report)
}

/// Sets everything up and leaves the workspace to the person in front of `display`.
///
/// # Errors
/// [`Failed`] at the first step that does not hold.
pub fn hand_over(places: &Places, display: &Display, report: &mut Report) -> Result<(), Failed> {
    report.step("display-ready", || fs::create_dir_all(places.out()))?;
    let ready = set_up(places, report)?;
    let mut session = report.step("portal-shown", || {
        let mut session = ready.device.open(display)?;
        session.event("ready", PATIENCE, |_| true)?;
        Ok::<_, Wrong>(session)
    })?;
    explain(places, &ready);
    // Until the person closes the window; the demo's end kills whatever is left.
    while session.exit_code(Duration::from_secs(3600)).is_err() {}
    Ok(())
}

fn explain(places: &Places, ready: &Ready) {
    let facts = ready.stack.facts();
    eprintln!("\nThe workspace is open. Choose the chat and log in as one of:");
    for user in &facts.users {
        eprintln!("  {}  password {}", user.jid, user.password);
    }
    eprintln!("PIN of this device, if it is asked again: {}", ready.device.pin());
    let (server, data) = (places.programs.join("policy-server"), ready.server.data());
    eprintln!("To wipe it as an admin would: `{0} device list --data {1}`,", server.display(), data.display());
    eprintln!("then `{} device wipe ID --data {}`.", server.display(), data.display());
    eprintln!("Closing the window ends the demo and removes everything.\n");
}

fn set_up(places: &Places, report: &mut Report) -> Result<Ready, Failed> {
    let since = OffsetDateTime::now_utc().unix_timestamp();
    let folder = |name: &str| places.base.join(name);
    let stack = report.step("chat-started", || Stack::start(&folder("chat"), &places.package, None))?;
    let program = places.programs.join("policy-server");
    let server = report.step("server-started", || {
        let mut server = PolicyServer::init(&program, &folder("server"))?;
        server.serve()?;
        Ok::<_, Wrong>(server)
    })?;
    let ca = report.step("boundary-signed", || {
        let ca = fs::read_to_string(&stack.facts().ca)?;
        server.apply_boundary(Reach { port: stack.facts().port, ca: &ca })?;
        Ok::<_, Wrong>(ca)
    })?;
    report.step("policy-applied", || server.apply_policy(Reach { port: stack.facts().port, ca: &ca }))?;
    let device = report.step("device-enrolled", || enroll(places, &server))?;
    Ok(Ready { device, server, stack, base: places.base.clone(), since })
}

fn enroll(places: &Places, server: &PolicyServer) -> Result<Device, Wrong> {
    let pin = format!("{:06}", rand::thread_rng().gen_range(0..1_000_000));
    let folder = places.base.join("device");
    let device = Device::new(&places.programs.join("secure-browser"), &folder, pin);
    for folder in device.folders() {
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    }
    device.enroll(&server.invite("花子")?)?;
    match server.devices()?.as_slice() {
        [one] if field(one, "state") == "active" => Ok(device),
        other => Err(format!("the server knows {} devices, not one that is active", other.len()).into()),
    }
}

/// Takes screenshots of a display once nothing moves on it.
struct Shots<'a> {
    display: &'a Display,
    folder: PathBuf,
}

impl Shots<'_> {
    /// A step of the report; if it does not hold, the display is photographed as it is then.
    fn step<T>(&self, report: &mut Report, name: &str, work: impl FnOnce() -> Result<T, Wrong>) -> Result<T, Failed> {
        report.step(name, || {
            work().inspect_err(|_| {
                // Helps whoever reads the report; the failure itself is in it already.
                let _ = self.display.photograph(&self.folder.join(format!("failed-{name}.png")));
            })
        })
    }

    fn take(&self, name: &str) -> Result<(), Wrong> {
        // Away from everything that lights up below a pointer.
        self.display.point(i32::from(SIZE.0) - 1, i32::from(SIZE.1) - 1)?;
        self.display.wait_drawn(PATIENCE)?;
        Ok(self.display.photograph(&self.folder.join(format!("{name}.png")))?)
    }
}

fn show_portal(device: &Device, shots: &Shots<'_>, name: &str) -> Result<Session, Wrong> {
    let mut session = device.open(shots.display)?;
    session.event("ready", PATIENCE, |_| true)?;
    shots.take(name)?;
    Ok(session)
}

/// The first session: chat, and everything that must not work.
fn first_session(
    ready: &Ready,
    shots: &Shots<'_>,
    session: &mut Session,
    report: &mut Report,
) -> Result<String, Failed> {
    let hand = shots.step(report, "allowed-page-works", || open_chat(ready, shots, session))?;
    let marker = marker();
    shots.step(report, "message-delivered", || say(ready, shots, &hand, &marker))?;
    shots.step(report, "copy-blocked", || copy(shots.display, &hand, &marker))?;
    shots.step(report, "download-blocked", || download(ready, shots, &hand, session))?;
    shots.step(report, "other-origin-blocked", || leave(ready, shots, session))?;
    Ok(marker)
}

/// From the portal into the chat by its search field, as a person at a keyboard would.
fn open_chat<'a>(ready: &Ready, shots: &Shots<'a>, session: &mut Session) -> Result<Hand<'a>, Wrong> {
    let facts = ready.stack.facts();
    shots.display.type_text("chat")?;
    shots.display.press("Return")?;
    session.event("page", PATIENCE, |event| field(event, "url").starts_with(&facts.start))?;
    let hand = Hand::find_page(shots.display, facts.seen.clone())?;
    let user = facts.users.first().ok_or("no account")?;
    let name = user.jid.split('@').next().unwrap_or_default();
    hand.fill("user", name, name)?;
    hand.fill("password", &user.password, &"*".repeat(user.password.chars().count()))?;
    shots.display.press("Return")?;
    hand.spot("message", 0)?;
    Ok(hand)
}

/// Types a message and sees it arrive in the server's archive.
fn say(ready: &Ready, shots: &Shots<'_>, hand: &Hand<'_>, marker: &str) -> Result<(), Wrong> {
    let archive = &ready.stack.facts().messages;
    let text = format!("OK 14:00 ref {marker}");
    hand.fill("message", &text, &text)?;
    shots.display.press("Return")?;
    let folders = [archive.as_path()];
    let search = Search { folders: &folders, except: &[], uid: geteuid().as_raw(), since: ready.since };
    let arrived = || matches!(search.none_of(marker), Err(Trace::Found { .. }));
    wait_until("the message in the server's archive", PATIENCE, arrived)?;
    message_with(hand, marker)?;
    shots.take("chat")
}

/// The message on the page, once it is the latest and at rest.
fn message_with(hand: &Hand<'_>, marker: &str) -> Result<Spot, Wrong> {
    Ok(hand.report("the message on the page", 0, |report| match report {
        Seen::Spot(spot) if spot.name == "latest" && spot.text.contains(marker) => Some(spot.clone()),
        _ => None,
    })?)
}

/// Selects the message and presses Ctrl+C: the page copies, and nothing of it is outside.
fn copy(display: &Display, hand: &Hand<'_>, marker: &str) -> Result<(), Wrong> {
    for selection in Selection::ALL {
        display.copy(selection, BEFORE)?;
    }
    let before = hand.so_far();
    hand.click(&message_with(hand, marker)?, 3)?;
    display.press("ctrl+c")?;
    hand.report("the page to copy the message", before, |report| match report {
        Seen::Copy(text) => text.contains(marker).then_some(()),
        Seen::Spot(_) | Seen::Pointer { .. } | Seen::Click(_) | Seen::Paste => None,
    })?;
    // Inside, it can be pasted: so it was copied, and had every chance to get out.
    hand.enter("message")?;
    display.press("ctrl+v")?;
    hand.report("the page to paste", before, |report| matches!(report, Seen::Paste).then_some(()))?;
    for selection in Selection::ALL {
        let now = display.pasted(selection)?;
        if now != BEFORE {
            return Err(format!("the host's {selection:?} changed").into());
        }
    }
    Ok(())
}

fn download(ready: &Ready, shots: &Shots<'_>, hand: &Hand<'_>, session: &mut Session) -> Result<(), Wrong> {
    let facts = ready.stack.facts();
    hand.click(&hand.spot("notices", 0)?, 1)?;
    session.event("page", PATIENCE, |event| field(event, "url").starts_with(&facts.notices))?;
    let from = session.so_far();
    hand.click(&hand.spot("download", 0)?, 1)?;
    session.event_after(from, "blocked", PATIENCE, |event| field(event, "reason") == "download.blocked")?;
    in_front(session, from, "problem")?;
    shots.take("download-blocked")?;
    no_trace_of(&facts.roster, ready)
}

fn leave(ready: &Ready, shots: &Shots<'_>, session: &mut Session) -> Result<(), Wrong> {
    let facts = ready.stack.facts();
    // Back from the page that said no to the download.
    let from = session.so_far();
    shots.display.press("alt+Left")?;
    in_front(session, from, "content")?;
    let hand = Hand::find_page(shots.display, facts.seen.clone())?;
    let from = session.so_far();
    hand.click(&hand.spot("outside", 0)?, 1)?;
    session.event_after(from, "blocked", PATIENCE, |event| {
        field(event, "url").starts_with(&facts.outside) && field(event, "reason") == "origin.not-listed"
    })?;
    in_front(session, from, "problem")?;
    shots.take("other-origin-blocked")?;
    let requests = fs::read_to_string(&facts.outside_log)?;
    if requests.is_empty() { Ok(()) } else { Err("a request reached the other origin".into()) }
}

/// Waits until the workspace shows `front`, after event number `from`.
fn in_front(session: &mut Session, from: usize, front: &str) -> Result<(), Wrong> {
    Ok(session.event_after(from, "screen", PATIENCE, |event| field(event, "front") == front).map(drop)?)
}

fn no_trace_of(marker: &str, ready: &Ready) -> Result<(), Wrong> {
    let [home, tmp, run] = ready.device.folders();
    let profile = ready.device.profile();
    let shared = ["/tmp", "/var/tmp", "/dev/shm"].map(Path::new);
    let own = [home.as_path(), tmp.as_path(), run.as_path(), profile.as_path()];
    // What the chat's own server keeps is not on the device.
    let server = ready.base.join("chat");
    let folders = [&own[..], &shared[..]].concat();
    let search = Search { folders: &folders, except: &[&server], uid: geteuid().as_raw(), since: ready.since };
    Ok(search.none_of(marker)?)
}

fn nothing_runs() -> Result<(), Wrong> {
    Ok(wait_until("every process of the session to be gone", AT_ONCE, || session_processes().is_empty())?)
}

fn exit_wipes(ready: &Ready, session: &mut Session, marker: &str) -> Result<(), Wrong> {
    session.ask_to_end()?;
    session.event("wiped", AT_ONCE, |_| true)?;
    expect_code(session, 0)?;
    nothing_runs()?;
    no_trace_of(marker, ready)
}

fn expect_code(session: &mut Session, expected: i32) -> Result<(), Wrong> {
    let code = session.exit_code(AT_ONCE)?;
    if code == expected { Ok(()) } else { Err(format!("exit code {code} instead of {expected}").into()) }
}

/// The second session, which an admin ends from afar; then nothing opens any more.
fn second_session(ready: &Ready, shots: &Shots<'_>, report: &mut Report) -> Result<(), Failed> {
    let mut session = shots.step(report, "reopened", || show_portal(&ready.device, shots, "reopened"))?;
    let id = report.step("admin-wipes", || wipe(ready, &mut session))?;
    report.step("receipt-arrived", || receipt(ready, &id))?;
    report.step("open-refused", || {
        let mut session = ready.device.open(shots.display)?;
        session.event("refused", PATIENCE, |event| field(event, "reason") == "device.wiped")?;
        // The same code as when the wipe came: whoever started it can tell a wiped device from a wrong PIN.
        expect_code(&mut session, 10)?;
        nothing_runs()
    })
}

fn wipe(ready: &Ready, session: &mut Session) -> Result<String, Wrong> {
    let devices = ready.server.devices()?;
    let id = text(devices.first().ok_or("no device")?, "device list", "id")?;
    ready.server.wipe(&id)?;
    session.event("wiped", AT_ONCE, |_| true)?;
    expect_code(session, 10)?;
    nothing_runs()?;
    Ok(id)
}

fn receipt(ready: &Ready, id: &str) -> Result<(), Wrong> {
    wait_for("the receipt `destroyed`", AT_ONCE, || {
        let device = ready.server.device(id).ok()?;
        let wipe = device.get("wipe")?;
        (field(wipe, "state") == "destroyed" && !field(wipe, "destroyed_at").is_empty()).then_some(())
    })?;
    Ok(())
}

/// Something that occurs nowhere else.
fn marker() -> String {
    let mut random = rand::thread_rng();
    (0..14).map(|_| char::from(random.gen_range(b'a'..=b'z'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_gets_the_beginning_of_the_same_story() {
        assert!(STEPS.starts_with(STEPS_FOR_A_PERSON));
    }

    #[test]
    fn two_markers_are_never_the_same() {
        assert_ne!(marker(), marker());
    }
}
