//! The real browser against the real server under a virtual display: how sessions end, what is left, who is let in.

mod doors;
mod files;
mod input;
mod paste;
mod people;
mod restored;
mod screen;
mod shown;
mod witness;

use std::{fs, path::Path, process::Command, time::Duration};

use installer::{
    demo::browser::{Device, Session, field},
    harness::wait::wait_until,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use workspace_protocol::{
    documents::PolicyDocument,
    ids::{UnixTime, Version},
};
use workspace_tests::{PIN, Place, Rogue, RoguePolicy, Scene, Wrong, in_world, now, processes_of_sessions};

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>kanja-kiroku</title><body>患者さんの記録 MARKER-PAGE-5b1d
<script>
localStorage.setItem('k', 'MARKER-LOCAL-5b1d'); document.cookie = 'c=MARKER-COOKIE-5b1d';
indexedDB.open('d').onupgradeneeded = e => e.target.result.createObjectStore('s').put('MARKER-INDEXED-5b1d', 1);
</script>";
const MARKER: &str = "-5b1d";
const PATIENCE: Duration = Duration::from_secs(60);
/// Issue: every process of the session is gone within a second. Polled, so that a slow machine shows it late, not wrong.
const AT_ONCE: Duration = Duration::from_secs(5);

fn all_gone() -> Result<(), Wrong> {
    wait_until("every process of the session to be gone", AT_ONCE, || processes_of_sessions().is_empty())
        .map_err(|error| format!("{error}; left: {:?}", processes_of_sessions()).into())
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Wrong> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}").into()) }
}

/// Whether `text` stands in any file below `folder`.
fn stands_in(folder: &Path, text: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return stands_in(&path, text);
        }
        fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    })
}

/// Every file below `folder`.
fn found_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let files = entries.flatten().flat_map(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) { found_files(&path) } else { vec![path] }
    });
    files.collect()
}

fn nothing_kept(device: &Device) -> Result<(), Wrong> {
    let folders = device.folders().into_iter().chain([device.profile(), "/tmp".into(), "/dev/shm".into()]);
    for folder in folders {
        if stands_in(&folder, MARKER) {
            return Err(format!("a marker of the session stands in {}", folder.display()).into());
        }
    }
    Ok(())
}

#[test]
fn a_session_killed_at_any_process_is_gone_as_one_and_leaves_nothing() {
    in_world("a_session_killed_at_any_process_is_gone_as_one_and_leaves_nothing", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, _) = scene.enrolled("device")?;
        for victim in ["__broker", "__ui", "__room", "Xephyr", "supervisor"] {
            let mut session = scene.open(&device)?;
            let pid = match victim {
                "supervisor" => i32::try_from(session.pid())?,
                name => process(name)?,
            };
            kill(Pid::from_raw(pid), Signal::SIGKILL)?;
            all_gone().map_err(|error| format!("{victim} killed: {error}"))?;
            let code = session.exit_code(AT_ONCE)?;
            expect(victim, code, if victim == "supervisor" { 137 } else { 12 })?;
            nothing_kept(&device).map_err(|error| format!("{victim} killed: {error}"))?;
        }
        // The next start says what became of the session whose supervisor was killed.
        let mut session = scene.start(&device, &[], PIN)?;
        session.event("recovered", PATIENCE, |event| field(event, "cause") == "broken")?;
        end(&mut session)
    });
}

#[test]
fn what_must_hold_is_tried_at_each_start_and_named_if_it_does_not() {
    in_world("what_must_hold_is_tried_at_each_start_and_named_if_it_does_not", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, _) = scene.enrolled("device")?;
        // The room's own search path is another: only the trial meets this one.
        let programs = place.folder("broken-programs");
        fs::create_dir(&programs)?;
        std::os::unix::fs::symlink("/bin/false", programs.join("bwrap"))?;
        let path = std::env::var("PATH")?;
        let path = format!("{}:{path}", programs.display());
        let hits = scene.site.hits();
        let mut session = scene.start(&device, &[("PATH", &path)], PIN)?;
        session.event("refused", PATIENCE, |event| field(event, "reason") == "guarantee.missing")?;
        expect("exit code", session.exit_code(PATIENCE)?, 1)?;
        let said = fs::read_to_string(scene.log(&device))?;
        expect("the guarantee is named", said.contains("engine.sandbox: bwrap failed"), true)?;
        expect("requests", scene.site.hits(), hits)?;
        expect("ready", session.lines().iter().any(|line| line.contains("\"ready\"")), false)?;
        all_gone()?;
        end(&mut scene.open(&device)?)
    });
}

/// The id of the session's process with `word` in its command line.
fn process(word: &str) -> Result<i32, Wrong> {
    let found = processes_of_sessions();
    let mine = found.iter().filter(|(_, line)| line.contains(word)).map(|(id, _)| *id).min();
    mine.ok_or_else(|| format!("no process {word} among {found:?}").into())
}

fn end(session: &mut Session) -> Result<(), Wrong> {
    session.ask_to_end()?;
    session.event("wiped", PATIENCE, |_| true)?;
    expect("exit code", session.exit_code(PATIENCE)?, 0)
}

#[test]
fn a_wipe_issued_while_the_device_is_off_comes_before_everything_else() {
    in_world("a_wipe_issued_while_the_device_is_off_comes_before_everything_else", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, id) = scene.enrolled("device")?;
        end(&mut scene.open(&device)?)?;
        scene.server.wipe(&id)?;
        let hits = scene.site.hits();
        let mut session = scene.start(&device, &[], PIN)?;
        session.event("wiped", PATIENCE, |event| field(event, "cause") == "remote")?;
        expect("exit code", session.exit_code(PATIENCE)?, 10)?;
        scene.wipe_reaches(&id, "destroyed")?;
        expect("requests after the wipe", scene.site.hits(), hits)?;
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("the next start", (code, reasons), (10, vec!["device.wiped".to_owned()]))?;
        // A new invitation makes a new device of it, which the old wipe does not touch.
        device.enroll(&scene.server.invite("花子")?)?;
        end(&mut scene.open(&device)?)
    });
}

#[test]
fn a_device_killed_at_any_step_of_a_wipe_finishes_it_at_its_next_start() {
    in_world("a_device_killed_at_any_step_of_a_wipe_finishes_it_at_its_next_start", |place| {
        let scene = Scene::new(place, PAGE)?;
        for step in ["journaled", "accepted", "keys-destroyed", "room-killed", "deleted", "receipted"] {
            let (device, id) = scene.enrolled(&format!("device-{step}"))?;
            let at = format!("device.wipe.{step}");
            let mut session = scene.start(&device, &[("SW_CRASH_AT", &at)], PIN)?;
            session.event("page", PATIENCE, |_| true)?;
            scene.server.wipe(&id)?;
            expect(&format!("{step}: exit code of the killed one"), session.exit_code(PATIENCE)?, 137)?;
            all_gone().map_err(|error| format!("{step}: {error}"))?;
            let (code, _) = scene.refusal(&device, PIN)?;
            expect(&format!("{step}: exit code of the next start"), code, 10)?;
            scene.wipe_reaches(&id, "destroyed").map_err(|error| format!("{step}: {error}"))?;
            nothing_kept(&device).map_err(|error| format!("{step}: {error}"))?;
            scene.a_day_passes()?;
        }
        Ok(())
    });
}

#[test]
fn a_server_killed_at_any_step_of_a_wipe_loses_none_that_it_acknowledged() {
    in_world("a_server_killed_at_any_step_of_a_wipe_loses_none_that_it_acknowledged", |place| {
        let mut scene = Scene::new(place, PAGE)?;
        for step in
            ["wipe.before-commit", "wipe.committed", "wipe.published", "receipt.before-commit", "receipt.committed"]
        {
            let (device, id) = scene.enrolled(&format!("device-{step}"))?;
            scene.server.cut();
            scene.server.serve_with(&[("SW_CRASH_AT", &format!("server.{step}"))])?;
            let mut session = scene.open(&device)?;
            let answer = scene.server.wipe(&id);
            let dead = || scene.server.running().is_none_or(|server| !server.alive());
            wait_until("the server to be killed", PATIENCE, dead).map_err(|error| format!("{step}: {error}"))?;
            scene.server.cut();
            scene.server.serve()?;
            if answer.is_err() {
                // Not acknowledged: the admin asks again.
                scene.server.wipe(&id)?;
            }
            expect(&format!("{step}: exit code"), session.exit_code(PATIENCE)?, 10)?;
            // A receipt that was lost with the server is sent again, at the latest by the next start.
            scene.refusal(&device, PIN)?;
            scene.wipe_reaches(&id, "destroyed").map_err(|error| format!("{step}: {error}"))?;
            scene.a_day_passes()?;
        }
        Ok(())
    });
}

#[test]
fn a_stolen_server_cannot_widen_garble_or_roll_back_a_policy() {
    in_world("a_stolen_server_cannot_widen_garble_or_roll_back_a_policy", |place| {
        let mut scene = Scene::new(place, PAGE)?;
        let (device, id) = scene.enrolled("device")?;
        scene.apply_policy_again()?;
        end(&mut scene.open(&device)?)?;
        let rogue = Rogue::steal(&scene.server.data())?;
        let good = fs::read_to_string(scene.server.data().with_file_name("policy.toml"))?;
        for (reason, policy) in plots(&rogue, &good)? {
            scene.server.cut();
            rogue.plant(&policy)?;
            scene.server.serve()?;
            let mut session = scene.start(&device, &[], PIN)?;
            session
                .event("policy-refused", PATIENCE, |event| field(event, "reason") == reason)
                .map_err(|error| format!("{reason}: {error}"))?;
            // The old one stays in force.
            session.event("page", PATIENCE, |event| field(event, "url").starts_with(&scene.site.start_page()))?;
            let told = || scene.server.device(&id).is_ok_and(|device| device.to_string().contains(reason));
            wait_until("the admin's view to name the reason", PATIENCE, told)
                .map_err(|error| format!("{reason}: {error}"))?;
            end(&mut session)?;
        }
        Ok(())
    });
}

/// Policies that must be refused whole, and why.
fn plots(rogue: &Rogue, good: &str) -> Result<Vec<(&'static str, RoguePolicy)>, Wrong> {
    let now = now()?;
    let document = |version, toml: String, expires_at: UnixTime| -> Result<PolicyDocument, Wrong> {
        let (group, issued_at) = ("home-care".parse()?, now);
        Ok(PolicyDocument { group, version: Version(version), issued_at, expires_at, toml })
    };
    let later = now.plus(86_400);
    let wider = good.replacen("allow = [", "allow = [\n  \"https://evil.example\",", 1);
    let expired = document(93, good.to_owned(), now.plus(-3_600))?;
    let cut = document(94, good.to_owned(), later)?;
    let cut_short = rogue.sign_a_piece(&cut);
    // The row claims a new version, so that the server hands it out; what is signed is the first one, or another group's.
    let (newer, other) = (document(96, good.to_owned(), later)?, document(97, good.to_owned(), later)?);
    let first = rogue.sign(&document(1, good.to_owned(), later)?);
    let foreign = rogue.sign(&PolicyDocument { group: "pharmacy".parse()?, ..other.clone() });
    let one_bad_entry = good.replacen("allow = [", "allow = [\n  \"https://*.example\",", 1);
    Ok(vec![
        ("policy.outside-boundary", RoguePolicy::Signed(document(92, wider, later)?)),
        ("policy.expired", RoguePolicy::Signed(PolicyDocument { issued_at: now.plus(-7_200), ..expired })),
        ("policy.malformed", RoguePolicy::Bytes(cut, cut_short)),
        ("policy.malformed", RoguePolicy::Signed(document(95, one_bad_entry, later)?)),
        ("policy.rollback", RoguePolicy::Bytes(newer, first)),
        ("policy.other-group", RoguePolicy::Bytes(other, foreign)),
    ])
}

#[test]
fn an_engine_that_knows_no_proxy_reaches_nothing() {
    in_world("an_engine_that_knows_no_proxy_reaches_nothing", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, _) = scene.enrolled("device")?;
        // With its proxy it loads, and this program reaches the same port without one: so it could be reached.
        end(&mut scene.open(&device)?)?;
        drop(std::net::TcpStream::connect(("chat.care.test", scene.site.port))?);
        let hits = scene.site.hits();
        expect("the site was reached with the proxy", hits > 0, true)?;
        let mut session = scene.start(&device, &[("SW_WITHOUT_PROXY", "1")], PIN)?;
        let start = scene.site.start_page();
        session.event("failed", PATIENCE, |event| start.starts_with(field(event, "url")))?;
        expect("a page was shown", session.lines().iter().any(|line| line.contains("\"page\"")), false)?;
        expect("requests without the proxy", scene.site.hits(), hits)?;
        end(&mut session)
    });
}

#[test]
fn a_copied_profile_does_not_open() {
    in_world("a_copied_profile_does_not_open", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, _) = scene.enrolled("device")?;
        let thief = scene.device("thief")?;
        let copied = Command::new("cp").arg("-a").arg(device.profile()).arg(thief.profile()).status()?;
        expect("cp", copied.success(), true)?;
        let (code, reasons) = scene.refusal(&thief, PIN)?;
        expect("exit code", code, 1)?;
        expect("reasons", reasons, vec!["profile.foreign".to_owned()])?;
        end(&mut scene.open(&device)?)
    });
}

#[test]
fn ten_wrong_pins_lock_the_device_until_an_admin_releases_it() {
    in_world("ten_wrong_pins_lock_the_device_until_an_admin_releases_it", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, id) = scene.enrolled("device")?;
        for _ in 0..10 {
            let (code, reasons) = scene.refusal(&device, "000000")?;
            expect("exit code of a wrong PIN", code, 1)?;
            expect("known reason", reasons.iter().all(|one| one == "pin.wrong" || one == "pin.locked"), true)?;
        }
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("exit code of the right PIN, too late", code, 1)?;
        expect("reason", reasons, vec!["pin.locked".to_owned()])?;
        scene.server.release(&id)?;
        end(&mut scene.open(&device)?)
    });
}

#[test]
fn secrets_stand_in_no_log_argument_environment_or_file() {
    in_world("secrets_stand_in_no_log_argument_environment_or_file", |place: &Place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, id) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        for (process, line) in processes_of_sessions() {
            expect(&format!("PIN in the arguments of {line}"), line.contains(PIN), false)?;
            // Ours alone can be read; those of the room belong to other namespaces.
            if let Ok(environment) = fs::read(format!("/proc/{process}/environ")) {
                let found = environment.windows(PIN.len()).any(|part| part == PIN.as_bytes());
                expect(&format!("PIN in the environment of {line}"), found, false)?;
            }
        }
        end(&mut session)?;
        let (_, _) = scene.refusal(&device, "771133")?;
        scene.server.wipe(&id)?;
        scene.refusal(&device, PIN)?;
        let device_folder = device.profile().parent().ok_or("no folder")?.to_owned();
        for folder in [device_folder, place.folder("server")] {
            for secret in [PIN, "771133", "MARKER-PAGE-5b1d", "患者さんの記録"] {
                expect(&format!("{secret} below {}", folder.display()), stands_in(&folder, secret), false)?;
            }
        }
        Ok(())
    });
}

#[test]
fn every_bad_start_gives_its_reason_and_its_exit_code() {
    in_world("every_bad_start_gives_its_reason_and_its_exit_code", |place| {
        let mut scene = Scene::new(place, PAGE)?;
        let fresh = scene.device("fresh")?;
        let (code, reasons) = scene.refusal(&fresh, PIN)?;
        expect("nothing enrolled", (code, reasons), (1, vec!["profile.empty".to_owned()]))?;

        let link = scene.server.invite("花子")?;
        let device = scene.device("device")?;
        device.enroll(&link)?;
        expect("a used code", enroll(&fresh, &link, PIN)?, (1, "code.used".to_owned()))?;
        expect("a damaged link", enroll(&fresh, &link[..link.len() - 4], PIN)?, (2, "link.invalid".to_owned()))?;
        let short = scene.server.invite("花子")?;
        expect("a short PIN", enroll(&fresh, &short, "12")?, (2, "pin.shape".to_owned()))?;
        let left: Vec<_> =
            fs::read_dir(fresh.profile()).into_iter().flatten().flatten().map(|one| one.file_name()).collect();
        expect("what refused enrollments left", left.iter().all(|name| name == "lock"), true)?;

        let mut session = scene.open(&device)?;
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("a second instance", (code, reasons), (1, vec!["profile.busy".to_owned()]))?;
        end(&mut session)?;

        let mut open = device.command(None, &["open", "--json", "--pin-stdin"]);
        let mut session = Session::start(open.stdin(std::process::Stdio::piped()), &scene.log(&device))?;
        session.give_pin(PIN)?;
        session.event("refused", PATIENCE, |event| field(event, "reason") == "display.missing")?;
        expect("no display", session.exit_code(PATIENCE)?, 1)?;

        let year = (365 * 24 * 3600).to_string();
        for offset in [year.clone(), format!("-{year}")] {
            let mut session = scene.start(&device, &[("SW_CLOCK_OFFSET", &offset)], PIN)?;
            let code = session.exit_code(PATIENCE).or_else(|_| {
                // A clock that is set back opens covered; it must not show a page.
                session.ask_to_end()?;
                session.exit_code(PATIENCE)
            })?;
            let opened = session.lines().iter().any(|line| line.contains("\"page\""));
            expect(&format!("a clock off by {offset} s, exit code {code}, showed a page"), opened, false)?;
        }

        scene.server.cut();
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("server away", (code, reasons), (3, vec!["server.unreachable".to_owned()]))?;
        fs::write(device.profile().join("device.cbor"), b"damaged")?;
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("a damaged profile", (code, reasons), (1, vec!["profile.damaged".to_owned()]))
    });
}

/// Enrolls and says how it ended: exit code and the reason given.
fn enroll(device: &Device, link: &str, pin: &str) -> Result<(i32, String), Wrong> {
    let mut enroll = device.command(None, &["enroll", link, "--pin-stdin", "--json"]);
    let log = device.profile().with_file_name("enroll.log");
    let mut session = Session::start(enroll.stdin(std::process::Stdio::piped()), &log)?;
    session.give_pin(pin)?;
    let refused = session.event("refused", PATIENCE, |_| true)?;
    Ok((session.exit_code(PATIENCE)?, field(&refused, "reason").to_owned()))
}
