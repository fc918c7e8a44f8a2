//! A device with a TPM: enrolled, renewed and cut back by the real programs, the TPM played by swtpm with a maker of its
//! own. Built with the feature `tpm`; what attackers send by hand is in policy-server's own tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{fs, path::Path, process::Command};

use installer::{
    demo::{browser::Device, server::PolicyServer},
    harness::process::{command, run, run_with},
};
use serde_json::{Value, json};
use workspace_tests::{Log, PIN, Place, Swtpm, Wrong, in_world};

/// One device, its TPM and its server.
struct Machine {
    server: PolicyServer,
    program: std::path::PathBuf,
    device: Device,
    tpm: Swtpm,
    log: std::path::PathBuf,
}

fn made(folder: &Path) -> Result<(), Wrong> {
    Ok(fs::create_dir_all(folder)?)
}

impl Machine {
    /// A server that knows the TPM's maker, and a machine that booted as the log says.
    fn new(place: &Place, log: &Log) -> Result<Self, Wrong> {
        let mut tpm = Swtpm::make(&place.folder("tpm"))?;
        tpm.boot(log)?;
        let folder = place.folder("server");
        made(&folder)?;
        let program = place.program("policy-server");
        let mut server = PolicyServer::init(&program, &folder)?;
        server.serve()?;
        let device = Device::new(&place.program("secure-browser"), &place.folder("device"), PIN.to_owned());
        for folder in device.folders() {
            made(&folder)?;
        }
        let machine = Self { server, program, device, tpm, log: place.folder("event-log") };
        fs::write(&machine.log, log.to_bytes())?;
        machine.trust_maker(&folder)?;
        Ok(machine)
    }

    /// The maker's certificate, signed with the server's key and put in force.
    fn trust_maker(&self, folder: &Path) -> Result<(), Wrong> {
        let signed = folder.join("makers.list");
        let mut sign = command(&self.program, None);
        sign.args(["attest", "list", "sign", "--kind", "tpm-roots"]).arg(self.tpm.maker());
        run("attest list sign", sign.arg("--data").arg(self.server.data()).arg("--out").arg(&signed))?;
        let mut apply = command(&self.program, None);
        apply.args(["attest", "list", "apply"]).arg(&signed).arg("--data").arg(self.server.data());
        run("attest list apply", &mut apply)?;
        Ok(())
    }

    fn browser(&self, args: &[&str], tpm: &Swtpm) -> Command {
        let mut command = self.device.command(None, args);
        command.env("SECURE_WORKSPACE_TCTI", tpm.way()).env("SECURE_WORKSPACE_EVENT_LOG", &self.log);
        command.env("TSS2_LOG", "all+NONE");
        command
    }

    fn enroll(&self) -> Result<String, Wrong> {
        let link = self.server.invite("花子")?;
        let pin = self.device.profile().with_file_name("pin");
        fs::write(&pin, format!("{PIN}\n"))?;
        let mut enroll = self.browser(&["enroll", &link, "--pin-stdin", "--json"], &self.tpm);
        let said = run_with("secure-browser enroll", &mut enroll, fs::File::open(&pin)?.into())?;
        let said = String::from_utf8(said)?;
        let event: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
        Ok(event["device"].as_str().ok_or("no device was enrolled")?.to_owned())
    }

    /// What `secure-browser check` says, with this TPM.
    fn check_with(&self, tpm: &Swtpm) -> Result<Value, Wrong> {
        let output = self.browser(&["check", "--json"], tpm).output()?;
        let said = String::from_utf8(output.stdout)?;
        let last = said.lines().last().ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        Ok(serde_json::from_str(last)?)
    }

    fn check(&self) -> Result<Value, Wrong> {
        self.check_with(&self.tpm)
    }

    /// Starts the machine anew, as the log says.
    fn boot(&mut self, log: &Log) -> Result<(), Wrong> {
        fs::write(&self.log, log.to_bytes())?;
        self.tpm.boot(log)
    }
}

fn of(answer: &Value) -> (Value, Value) {
    (answer["level"].clone(), answer["certificate_seconds"].clone())
}

#[test]
fn a_tpm_is_worth_what_its_boot_proves_and_nobody_else_passes_for_it() {
    in_world("a_tpm_is_worth_what_its_boot_proves_and_nobody_else_passes_for_it", |place| {
        let mut machine = Machine::new(place, &Log::secure())?;
        let id = machine.enroll()?;
        let shown = machine.server.device(&id)?;
        assert_eq!((&shown["tier"], &shown["trust"]["level"]), (&json!("tpm"), &json!("A2")), "{shown}");
        assert_eq!(shown["trust"]["certified"], json!(true));
        assert_eq!(shown["posture"]["secure_boot"]["evidence"], json!("attested"));
        // Certificates are dated back for slow clocks; what counts is the level's own life.
        let seconds = |minutes: i64| json!(minutes * 60 + 300);
        assert_eq!(of(&machine.check()?), (json!("A2"), seconds(15)));

        machine.boot(&Log::insecure())?;
        assert_eq!(of(&machine.check()?), (json!("A1"), seconds(30)));
        assert_eq!(machine.server.device(&id)?["trust"]["reasons"], json!(["tpm2.secure-boot-off"]));
        // A log that does not lead to the registers is worth nothing at all.
        fs::write(&machine.log, Log::secure().to_bytes())?;
        assert_eq!(machine.check()?["reason"], json!("evidence.invalid"));

        machine.boot(&Log::secure())?;
        assert_eq!(of(&machine.check()?).0, json!("A2"));
        let mut other = Swtpm::make(&place.folder("other"))?;
        other.boot(&Log::secure())?;
        assert_eq!(machine.check_with(&other)?["reason"], json!("hardware.missing"), "the profile is bound to its TPM");

        let before = machine.tpm.remember()?;
        for _ in 0..2 {
            machine.boot(&Log::secure())?;
        }
        assert_eq!(of(&machine.check()?).0, json!("A2"));
        machine.tpm.forget_to(&before)?;
        machine.boot(&Log::secure())?;
        assert_eq!(of(&machine.check()?).0, json!("A1"), "its counters went back");
        assert_eq!(machine.server.device(&id)?["trust"]["alarm"], json!("tpm2.clock-back"));
        Ok(())
    });
}

#[test]
fn without_a_tpm_the_device_is_a_software_one_and_says_so() {
    in_world("without_a_tpm_the_device_is_a_software_one_and_says_so", |place| {
        let mut machine = Machine::new(place, &Log::secure())?;
        // Off: nobody listens there any more.
        machine.tpm.remember()?;
        let id = machine.enroll()?;
        let shown = machine.server.device(&id)?;
        assert_eq!((&shown["tier"], &shown["trust"]["level"]), (&json!("software"), &json!("A0")));
        let status = run("secure-browser status", &mut machine.browser(&["status", "--json"], &machine.tpm))?;
        let status: Value = serde_json::from_str(status.lines().next().unwrap_or_default())?;
        assert_eq!(status["tier"], json!("software"));
        Ok(())
    });
}
