//! A backup comes back: on the machine that may have it, and on one that only has the file and its code.

use std::{fs, io::Write, path::Path, process::Stdio};

use policy_server_core::signing::seal_key;
use rcgen::{CertificateParams, KeyPair};
use workspace_protocol::crypto::Secret;
use workspace_tests::{PIN, Scene, Wrong, in_world};

use super::{PAGE, end, expect};

#[test]
fn devices_refuse_a_restored_server_with_another_key_and_follow_the_right_one() {
    in_world("restored::devices_refuse_a_restored_server_with_another_key_and_follow_the_right_one", |place| {
        let mut scene = Scene::new(place, PAGE)?;
        let (device, id) = scene.enrolled("device")?;
        end(&mut scene.open(&device)?)?;
        let backup = scene.server.data().with_file_name("server.backup");
        scene.server.backup(&backup)?;
        expect(
            "the secret lies open in the backup",
            contains(&backup, &scene.server.data().join("secret.key"))?,
            false,
        )?;
        scene.server.cut();

        // A fresh machine. Nobody gets in before an admin has looked, and everybody afterwards.
        fs::rename(scene.server.data(), scene.server.data().with_file_name("lost"))?;
        restore(&scene, &backup)?;
        scene.server.serve()?;
        let (code, reasons) = scene.refusal(&device, PIN)?;
        expect("a device that is held", (code, reasons), (1, vec!["device.locked".to_owned()]))?;
        scene.server.release(&id)?;
        end(&mut scene.open(&device)?)?;
        scene.server.cut();

        // A rogue has file and code, but not the machine's TLS key.
        let (key, certificate) = (scene.server.data().join("tls.key"), scene.server.data().join("tls.der"));
        let own = (fs::read(&key)?, fs::read(&certificate)?);
        forge_tls(&scene.server.data())?;
        scene.server.serve()?;
        let (_, reasons) = scene.refusal(&device, PIN)?;
        expect("a rogue", reasons, vec!["server.pin".to_owned()])?;
        scene.server.cut();
        fs::write(&key, own.0)?;
        fs::write(&certificate, own.1)?;
        scene.server.serve()?;
        end(&mut scene.open(&device)?)
    });
}

fn contains(file: &Path, secret: &Path) -> Result<bool, Wrong> {
    let (bytes, secret) = (fs::read(file)?, fs::read(secret)?);
    Ok(bytes.windows(secret.len()).any(|part| part == secret))
}

fn restore(scene: &Scene, backup: &Path) -> Result<(), Wrong> {
    let mut command = scene.server.command(&["restore"]);
    command.arg(backup).arg("--data").arg(scene.server.data());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let code = format!("{}\n", scene.server.recovery_code());
    child.stdin.take().ok_or("no standard input")?.write_all(code.as_bytes())?;
    let output = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    expect(&format!("restore: {words}"), output.status.success(), true)
}

/// Puts a TLS key of the rogue's own into the folder.
fn forge_tls(data: &Path) -> Result<(), Wrong> {
    let secret: [u8; 32] = fs::read(data.join("secret.key"))?.try_into().map_err(|_| "secret.key")?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["policy.care.test".to_owned()])?.self_signed(&key)?;
    let sealed = seal_key(&Secret::from_bytes(secret), "tls.key", &key.serialize_der())?;
    fs::write(data.join("tls.key"), sealed)?;
    Ok(fs::write(data.join("tls.der"), certificate.der())?)
}
