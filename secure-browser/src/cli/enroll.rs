//! `enroll`: one invitation, one PIN, one profile; on any failure nothing is left behind.

use std::path::Path;

use secure_browser_core::{
    enrollment::label,
    lease::{self, Expect},
    unlock::exit,
    witness::Witness,
};
use secure_browser_platform::{facts, tpm::TpmError};
use serde_json::json;
use workspace_protocol::{
    crypto::Secret,
    link::{EnrollmentLink, LinkError as BadLink},
    reason::Reason,
};
use zeroize::Zeroizing;

use crate::{
    attest::{Fresh, device_facts},
    link::{self, Applicant, Enrolled},
    profile::{Device, Identity, Profile, ProfileError, Sealed, Status},
    supervisor,
};

use super::{Console, pin};

/// Enrolls the device; the exit code.
pub fn run(console: &Console, path: &Path, link: &str, pin_stdin: bool, name: Option<&str>) -> u8 {
    let link = match EnrollmentLink::parse(link) {
        Ok(link) => link,
        Err(error) => return bad_link(console, error),
    };
    let existed = path.exists();
    let profile = match Profile::lock(path) {
        Ok(profile) => profile,
        Err(error) => return console.refuse(error.reason()),
    };
    let done = check_free(console, &profile).and_then(|()| {
        let pin = read_pin(console, pin_stdin)?;
        enroll(console, &profile, &link, &pin, name).map_err(|reason| console.refuse(reason))
    });
    match done {
        Ok(()) => {
            supervisor::send_owed(&profile);
            exit::CLEAN
        }
        Err(code) => {
            if !existed {
                profile.abandon();
            }
            code
        }
    }
}

fn bad_link(console: &Console, error: BadLink) -> u8 {
    match error {
        BadLink::TooLong => console.say("cli-link-too-long", &[]),
        BadLink::NotALink => console.say("cli-link-other", &[]),
        BadLink::Part(part) => console.say("cli-link-part", &[("part", part)]),
    }
    console.event("refused", json!({ "reason": "link.invalid" }));
    exit::USAGE
}

/// An enrolled profile is refused; a wipe that was interrupted is finished first; a wiped or empty one is free.
fn check_free(console: &Console, profile: &Profile) -> Result<(), u8> {
    supervisor::finish_wipe(profile).map_err(|error| console.refuse(error.reason()))?;
    match profile.folder().device() {
        Err(ProfileError::Empty | ProfileError::Wiped) => Ok(()),
        Ok(_) => Err(console.refuse(ProfileError::Enrolled.reason())),
        Err(error) => Err(console.refuse(error.reason())),
    }
}

fn read_pin(console: &Console, pin_stdin: bool) -> Result<Zeroizing<String>, u8> {
    if pin_stdin {
        return pin::from_stdin().map_err(|reason| console.bad_input(reason));
    }
    pin::ask_twice(console).map_err(|error| match error {
        pin::NoPin::NoTerminal => {
            console.say("cli-no-terminal", &[]);
            exit::USAGE
        }
        pin::NoPin::Refused(reason) => console.bad_input(reason),
    })
}

fn enroll(
    console: &Console,
    profile: &Profile,
    link: &EnrollmentLink,
    pin: &str,
    name: Option<&str>,
) -> Result<(), Reason> {
    let before = profile.folder().journal().map_err(|error| error.reason())?;
    let secret = profile.fresh_secret().map_err(|error| error.reason())?;
    let host = facts::facts();
    let label = label(name.unwrap_or(&host.os));
    let facts = device_facts(profile.folder().path());
    let person = Applicant { pin, label: &label, facts: &facts, secret: &secret, tpm: None };
    let done = with_hardware(console, link, person).and_then(|(enrolled, tpm)| {
        keep(profile, enrolled, &label, &secret, tpm.as_ref()).map_err(|error| error.reason())
    });
    match done {
        Ok((org, device)) => {
            console.say("cli-enrolled", &[("org", &org)]);
            console.event("enrolled", json!({ "org": org, "device": device, "server": link.authority }));
            Ok(())
        }
        Err(reason) => {
            profile.restore(&before);
            Err(reason)
        }
    }
}

/// Enrolls with the TPM if there is one: with its maker's certificate, else without, else without the TPM. What it is
/// worth is the server's word; the policy says what it takes.
fn with_hardware(
    console: &Console,
    link: &EnrollmentLink,
    person: Applicant<'_>,
) -> Result<(Enrolled, Option<Fresh>), Reason> {
    let mut fresh = match Fresh::make() {
        Ok(fresh) => fresh,
        Err(error) => {
            say_hardware(console, Some(&error));
            return Ok((contact(link, person)?, None));
        }
    };
    let whole = fresh.secret(person.secret);
    loop {
        let applicant = Applicant { secret: &whole, tpm: Some(&fresh), ..person };
        match contact(link, applicant) {
            Ok(enrolled) => {
                say_hardware(console, None);
                return Ok((enrolled, Some(fresh)));
            }
            Err(Reason::EvidenceInvalid) if !fresh.endorsement.chain.is_empty() => fresh.endorsement.chain.clear(),
            Err(Reason::EvidenceInvalid | Reason::HardwareMissing) => {
                let refused = TpmError::Absent(Reason::EvidenceInvalid.code().to_owned());
                say_hardware(console, Some(&refused));
                return Ok((contact(link, person)?, None));
            }
            Err(other) => return Err(other),
        }
    }
}

/// Whether the TPM vouches for this device, and why not.
pub fn say_hardware(console: &Console, error: Option<&TpmError>) {
    let (state, why) = match error {
        None => ("used", String::new()),
        Some(TpmError::NotBuilt) => ("not-built", String::new()),
        Some(error @ (TpmError::Absent(_) | TpmError::Failed { .. })) => ("absent", error.to_string()),
    };
    console.say("trust-tpm-used", &[("state", state), ("why", &why)]);
}

fn contact(link: &EnrollmentLink, applicant: Applicant<'_>) -> Result<Enrolled, Reason> {
    let runtime = supervisor::runtime().map_err(|_| Reason::GuaranteeMissing)?;
    let enrolled = runtime.block_on(link::enroll(link, applicant)).map_err(|error| error.reason())?;
    // The server's own clock is enough here: nothing is opened yet, and every unlock judges anew by device time.
    let admission = &enrolled.admission;
    let expect = Expect { root: &enrolled.root, device: admission.device, epoch: admission.epoch };
    lease::verify(&admission.lease, &admission.key_certificate, expect, admission.server_time)?;
    Witness::begin(&admission.log, &enrolled.root)?;
    Ok(enrolled)
}

fn keep(
    profile: &Profile,
    enrolled: Enrolled,
    label: &str,
    secret: &Secret,
    tpm: Option<&Fresh>,
) -> Result<(String, String), ProfileError> {
    let Enrolled { server, root, device_key, tombstone_key, kek, admission } = enrolled;
    let witness = Witness::begin(&admission.log, &root).map_err(|_| ProfileError::Damaged("witness"))?;
    let identity = Identity {
        id: admission.device,
        epoch: admission.epoch,
        server,
        root,
        org: &admission.org,
        label,
        key_certificate: admission.key_certificate,
    };
    let mut device = Device::seal(identity, &device_key, &tombstone_key, secret)?;
    device.hear_pins(admission.pins.as_ref(), admission.server_time);
    if let Some(tpm) = tpm {
        device = device.with_tpm(tpm.keys.clone(), &device_key, &tpm.secret(secret))?;
    }
    // Documents are fetched and judged at the first unlock; only the names are kept now.
    let sealed = Sealed { org: admission.org.clone(), user: admission.user, ..Sealed::default() };
    let status = Status { last_contact: Some(admission.server_time), ..Status::default() };
    profile.keep(&device, &sealed, &kek, &witness, &status)?;
    Ok((admission.org, device.id.to_string()))
}
