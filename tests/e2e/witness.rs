//! Devices as witnesses: an older copy of the server, or one with another history, is refused until the root key says
//! that it is the one to follow.

use std::{fs, path::Path, process::Command};

use installer::demo::browser::{Device, field};
use serde_json::Value;
use workspace_protocol::crypto::SigningKey;
use workspace_tests::{PIN, Scene, Wrong, in_world};

use super::{PAGE, expect};

#[test]
fn a_server_with_another_history_is_refused_until_the_root_key_says_otherwise() {
    in_world("witness::a_server_with_another_history_is_refused_until_the_root_key_says_otherwise", |place| {
        let mut scene = Scene::new(place, PAGE)?;
        let (device, id) = scene.enrolled("device")?;
        // A log that grows is followed, over a restart of the server too.
        expect("an honest log", asked(&device)?, "admitted".to_owned())?;
        scene.server.cut();
        let (data, older) = (scene.server.data(), scene.server.data().with_file_name("older"));
        copy(&data, &older)?;
        scene.server.serve()?;
        expect("an honest log after a restart", asked(&device)?, "admitted".to_owned())?;
        expect("what it saw", state(&device)?.get("log_forked_at").cloned(), Some(Value::Null))?;

        // The older copy, with the same keys, goes on with a history of its own.
        scene.server.cut();
        fs::rename(&data, data.with_file_name("newer"))?;
        fs::rename(&older, &data)?;
        scene.server.serve()?;
        for _ in 0..9 {
            scene.server.invite("花子")?;
        }
        expect("another history", asked(&device)?, "log.forked".to_owned())?;
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("the person", (code, reasons), (1, vec!["log.forked".to_owned()]))?;
        expect("its status", state(&device)?.get("log_forked_at").is_some_and(Value::is_i64), false)?;
        expect("its status", state(&device)?.get("log_forked_at").is_some_and(Value::is_string), true)?;
        expect("the alarm", alarms(&scene)?, vec![id])?;

        // Neither another root key nor the server's own keys help; the organisation's root key does.
        let other = data.with_file_name("other.key");
        fs::write(&other, other_root()?)?;
        expect("another root", restart(&scene, &other)?, 1)?;
        expect("still another history", asked(&device)?, "log.forked".to_owned())?;
        expect("the root", restart(&scene, &scene.server.root_key())?, 0)?;
        expect("the root's word", asked(&device)?, "admitted".to_owned())?;
        expect("once more", asked(&device)?, "admitted".to_owned())?;
        let whole = scene.server.command(&["audit", "verify", "--json"]).arg(&data).output()?;
        expect("the log offline", whole.status.success(), true)?;

        // The history that the device left is now the other one.
        scene.server.cut();
        fs::rename(&data, &older)?;
        fs::rename(data.with_file_name("newer"), &data)?;
        scene.server.serve()?;
        expect("the history that was left", asked(&device)?, "log.forked".to_owned())
    });
}

/// Whether the server admits the device as it is now: "admitted", or the reason why not.
fn asked(device: &Device) -> Result<String, Wrong> {
    let output = device.command(None, &["check", "--json"]).output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let admitted = answer.get("admitted").and_then(Value::as_bool) == Some(true);
    Ok(if admitted { "admitted".to_owned() } else { field(&answer, "reason").to_owned() })
}

fn state(device: &Device) -> Result<Value, Wrong> {
    Ok(serde_json::from_slice(&device.command(None, &["status", "--json"]).output()?.stdout)?)
}

/// Devices whose alarm stands in the log.
fn alarms(scene: &Scene) -> Result<Vec<String>, Wrong> {
    let mut show = scene.server.command(&["audit", "show", "--json", "--data"]);
    let output = show.arg(scene.server.data()).output()?;
    let lines = String::from_utf8(output.stdout)?;
    let entries = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let alarms = entries.filter(|entry| field(entry, "action") == "log.alarm");
    Ok(alarms.map(|entry| field(&entry, "target").to_owned()).collect())
}

fn restart(scene: &Scene, key: &Path) -> Result<i32, Wrong> {
    let mut restart = scene.server.command(&["audit", "restart", "--data"]);
    let status = restart.arg(scene.server.data()).arg("--root-key").arg(key).status()?;
    status.code().ok_or_else(|| "killed".into())
}

/// A root key's file that is not the organisation's.
fn other_root() -> Result<String, Wrong> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let key = SigningKey::generate()?;
    Ok(format!("secure-workspace-root-key-v1 {}\n", STANDARD.encode(key.seed().expose())))
}

fn copy(from: &Path, to: &Path) -> Result<(), Wrong> {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    if copied.success() { Ok(()) } else { Err("the folder could not be copied".into()) }
}
