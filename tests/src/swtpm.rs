//! A TPM in software with a maker of its own, and machines whose firmware measured what a log says.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use installer::harness::{
    ports,
    process::{Running, command, run},
    wait::wait_for,
};
use workspace_protocol::crypto::sha256;

use crate::Wrong;

/// How long the TPM may take to come up.
const START: Duration = Duration::from_secs(20);
/// `TPM2_PCR_Extend` of one SHA-256 digest with an empty password, up to the register's number.
const EXTEND: [u8; 10] = [0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82];
/// What follows the number: an empty password session, one digest, SHA-256.
const EXTEND_REST: [u8; 19] = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x0b];

/// A TPM with its state on disk. Ended when dropped.
pub struct Swtpm {
    folder: PathBuf,
    port: u16,
    running: Option<Running>,
}

impl Swtpm {
    /// Makes a TPM and a maker that certifies it, in `folder`.
    ///
    /// # Errors
    /// What swtpm's tools said.
    pub fn make(folder: &Path) -> Result<Self, Wrong> {
        let [state, maker] = ["state", "maker"].map(|name| folder.join(name));
        fs::create_dir_all(&state)?;
        fs::create_dir_all(&maker)?;
        let place = |name: &str| maker.join(name).display().to_string();
        let maker_settings = format!(
            "statedir = {}\nsigningkey = {}\nissuercert = {}\ncertserial = {}\n",
            maker.display(),
            place("sign.pem"),
            place("issuer.pem"),
            place("serial")
        );
        let [settings, of_maker, options] = ["setup.conf", "maker.conf", "maker.options"].map(|name| folder.join(name));
        fs::write(&of_maker, maker_settings)?;
        fs::write(&options, "\n")?;
        let all = format!(
            "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = {}\ncreate_certs_tool_options = {}\n",
            of_maker.display(),
            options.display()
        );
        fs::write(&settings, all)?;
        let mut setup = command("swtpm_setup", None);
        setup
            .args(["--tpm2", "--create-ek-cert", "--overwrite", "--tpmstate"])
            .arg(&state)
            .arg("--config")
            .arg(&settings);
        run("swtpm_setup", &mut setup)?;
        Ok(Self { folder: folder.to_owned(), port: 0, running: None })
    }

    /// The certificate of the maker, PEM.
    #[must_use]
    pub fn maker(&self) -> PathBuf {
        self.folder.join("maker/issuer.pem")
    }

    /// Switches the TPM on, as a machine does that starts, and measures a log into it.
    ///
    /// # Errors
    /// What swtpm said.
    pub fn boot(&mut self, log: &Log) -> Result<(), Wrong> {
        self.running = None;
        // The TSS finds the control port beside the other one.
        let port = wait_for("two ports side by side", START, || {
            let port = ports::free(None).ok()?;
            (ports::free(Some(port.checked_add(1)?)).ok()? == port + 1).then_some(port)
        })?;
        let control = port + 1;
        let mut start: Command = command("swtpm", None);
        start.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"]);
        start.arg(format!("dir={}", self.folder.join("state").display()));
        start.arg("--server").arg(format!("type=tcp,port={port},bindaddr=127.0.0.1"));
        start.arg("--ctrl").arg(format!("type=tcp,port={control},bindaddr=127.0.0.1"));
        self.running = Some(Running::start("swtpm", start.stdin(Stdio::null()), &self.folder.join("swtpm.log"))?);
        self.port = port;
        let mut line = wait_for("swtpm to listen", START, || TcpStream::connect(("127.0.0.1", port)).ok())?;
        for event in log.0.iter().filter(|event| event.kind != NO_ACTION) {
            extend(&mut line, event)?;
        }
        Ok(())
    }

    /// How the TSS reaches it.
    #[must_use]
    pub fn way(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }

    /// A copy of all it remembers, while it is off.
    ///
    /// # Errors
    /// What the file system said.
    pub fn remember(&mut self) -> Result<Vec<u8>, Wrong> {
        self.running = None;
        Ok(fs::read(self.state())?)
    }

    /// Puts a copy back: the TPM counts from there again.
    ///
    /// # Errors
    /// What the file system said.
    pub fn forget_to(&mut self, copy: &[u8]) -> Result<(), Wrong> {
        self.running = None;
        Ok(fs::write(self.state(), copy)?)
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state/tpm2-00.permall")
    }
}

fn extend(line: &mut TcpStream, event: &Event) -> Result<(), Wrong> {
    let message = [&EXTEND[..], &event.register.to_be_bytes(), &EXTEND_REST, &event.digest].concat();
    line.write_all(&message)?;
    let mut head = [0; 10];
    line.read_exact(&mut head)?;
    // Tag, length, answer.
    let [_, _, a, b, c, d, answer @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d]))?;
    let mut rest = vec![0; length.saturating_sub(head.len())];
    line.read_exact(&mut rest)?;
    match u32::from_be_bytes(answer) {
        0 => Ok(()),
        code => Err(format!("the TPM refused a measurement: {code:#x}").into()),
    }
}

const NO_ACTION: u32 = 3;
const VARIABLE: u32 = 0x8000_0001;

/// A measurement.
#[derive(Clone)]
struct Event {
    register: u32,
    kind: u32,
    digest: [u8; 32],
    data: Vec<u8>,
}

/// What firmware measured, SHA-256 alone.
#[derive(Clone)]
pub struct Log(Vec<Event>);

impl Log {
    /// The recorded log of a machine that booted with Secure Boot.
    ///
    /// # Panics
    /// If the sample is damaged.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a sample of the tree")]
    pub fn secure() -> Self {
        let sample = include_bytes!("../vectors/attestation/eventlog/cos-101-amd-sev.bin");
        Self(read(sample).expect("the sample is whole"))
    }

    /// The same machine, Secure Boot switched off.
    #[must_use]
    pub fn insecure() -> Self {
        let name: Vec<u8> = "SecureBoot".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut log = Self::secure();
        for event in log.0.iter_mut().filter(|event| event.register == 7 && event.kind == VARIABLE) {
            if event.data.windows(name.len()).any(|part| part == name)
                && let Some(value) = event.data.last_mut()
            {
                *value = 0;
                event.digest = sha256(&event.data);
            }
        }
        log
    }

    /// The log as the kernel gives it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // "Spec ID Event03", platform class, version 2.0, errata, 64-bit words, one algorithm, no vendor data.
        let mut spec = b"Spec ID Event03\0".to_vec();
        spec.extend([0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0, 0x0b, 0, 32, 0, 0]);
        let mut out = [&0u32.to_le_bytes()[..], &NO_ACTION.to_le_bytes(), &[0; 20]].concat();
        out.extend(sized(&spec));
        for event in self.0.iter().filter(|event| event.kind != NO_ACTION) {
            out.extend([event.register.to_le_bytes(), event.kind.to_le_bytes(), 1u32.to_le_bytes()].concat());
            out.extend([0x0b, 0]);
            out.extend(event.digest);
            out.extend(sized(&event.data));
        }
        out
    }
}

fn sized(data: &[u8]) -> Vec<u8> {
    [&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes()[..], data].concat()
}

/// Takes a log of several hashes apart.
fn read(log: &[u8]) -> Option<Vec<Event>> {
    let mut rest = log;
    take(&mut rest, 28)?;
    let length = number(&mut rest)?;
    let spec = take(&mut rest, length)?;
    let mut list = spec.get(24..)?;
    let count = number(&mut list)?;
    let mut sizes = Vec::new();
    for _ in 0..count {
        sizes.push((short(&mut list)?, short(&mut list)?));
    }
    let mut events = Vec::new();
    while rest.iter().any(|octet| *octet != 0) {
        let (register, kind, digests) = (number(&mut rest)?, number(&mut rest)?, number(&mut rest)?);
        let mut digest = None;
        for _ in 0..digests {
            let id = short(&mut rest)?;
            let (_, size) = sizes.iter().find(|(known, _)| *known == id)?;
            let value = take(&mut rest, usize::from(*size))?;
            if id == 0x0b {
                digest = value.try_into().ok();
            }
        }
        let length = number(&mut rest)?;
        let data = take(&mut rest, length)?.to_vec();
        let [register, kind] = [register, kind].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        events.push(Event { register, kind, digest: digest?, data });
    }
    Some(events)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let octets = take(rest, 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(octets)).ok()
}

fn short(rest: &mut &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(take(rest, 2)?.try_into().ok()?))
}
