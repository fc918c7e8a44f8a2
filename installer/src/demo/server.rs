//! policy-server as an admin uses it: every command goes through its command line.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::harness::{
    ports,
    process::{ProcessError, Running, command, run},
};

/// Name under which the device finds the server.
pub const HOST: &str = "policy.care.test";
/// The group of the demo's policy.
pub const GROUP: &str = "home-care";
/// Organisation, as people read it.
const ORG: &str = "新宿区在宅ケア連携センター";
/// How long the server may take to come up.
const START: Duration = Duration::from_secs(20);

const BOUNDARY: &str = include_str!("boundary.toml");
const POLICY: &str = include_str!("policy.toml");

/// Why the server could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A file could not be written.
    #[error("could not write the server's files")]
    Files(#[from] io::Error),
    /// A command failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A command answered something else than expected.
    #[error("policy-server {command} did not answer with {field}")]
    Answer {
        /// Which command.
        command: &'static str,
        /// What was looked for.
        field: &'static str,
    },
}

/// What the policy of the demo lets devices reach.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// Port of the chat.
    pub port: u16,
    /// The chat's CA, PEM.
    pub ca: &'a str,
}

/// A server and its folder; ended when dropped.
#[derive(Debug)]
pub struct PolicyServer {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    gateway: Option<u16>,
    recovery_code: String,
    /// Version of the last boundary that was signed here: two in one second must differ.
    boundary: std::cell::Cell<u64>,
    running: Option<Running>,
}

impl PolicyServer {
    /// Makes a new server in `folder`; nothing runs yet.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn init(program: &Path, folder: &Path) -> Result<Self, ServerError> {
        fs::create_dir_all(folder)?;
        let mut server = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            port: ports::free(None)?,
            gateway: None,
            recovery_code: String::new(),
            boundary: std::cell::Cell::new(0),
            running: None,
        };
        let url = format!("https://{HOST}:{}", server.port);
        let mut init = server.command(&["init", "--url", &url, "--org", ORG]);
        init.arg("--data").arg(server.data()).arg("--root-key").arg(server.root_key());
        let said = run("policy-server init", &mut init)?;
        // Two lines: where the root key lies, and the recovery code.
        server.recovery_code = said.lines().nth(1).unwrap_or_default().to_owned();
        Ok(server)
    }

    /// The recovery code, as it was shown once.
    #[must_use]
    pub fn recovery_code(&self) -> &str {
        &self.recovery_code
    }

    /// Writes a backup to `file`, also while it serves.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn backup(&self, file: &Path) -> Result<(), ServerError> {
        let mut backup = self.command(&["backup"]);
        run("policy-server backup", backup.arg(file).arg("--data").arg(self.data()))?;
        Ok(())
    }

    /// Signs the boundary with the root key, as on the admin's own computer, and puts it in force.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn apply_boundary(&self, reach: Reach<'_>) -> Result<(), ServerError> {
        self.apply_boundary_file(&fill(BOUNDARY, reach))
    }

    /// [`PolicyServer::apply_boundary`] with a file of one's own.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn apply_boundary_file(&self, toml: &str) -> Result<(), ServerError> {
        let file = self.folder.join("boundary.toml");
        let signed = self.folder.join("boundary.signed");
        fs::write(&file, toml)?;
        let mut sign = self.command(&["boundary", "sign"]);
        sign.arg(&file).arg("--root-key").arg(self.root_key()).arg("--out").arg(&signed);
        sign.arg("--version").arg(self.next_boundary().to_string());
        run("policy-server boundary sign", &mut sign)?;
        let mut apply = self.command(&["boundary", "apply"]);
        run("policy-server boundary apply", apply.arg(&signed).arg("--data").arg(self.data()))?;
        Ok(())
    }

    /// Seconds since 1970, as the command itself would take, but higher than the last.
    fn next_boundary(&self) -> u64 {
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let next = now.max(self.boundary.get() + 1);
        self.boundary.set(next);
        next
    }

    /// Has the access gateway listen as well, from the next start on; gives its port.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn with_gateway(&mut self) -> Result<u16, ServerError> {
        let port = ports::free(None)?;
        self.gateway = Some(port);
        Ok(port)
    }

    /// Puts gateway routes in force.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn apply_gateway(&self, toml: &str) -> Result<(), ServerError> {
        let file = self.folder.join("gateway.toml");
        fs::write(&file, toml)?;
        let mut apply = self.command(&["gateway", "apply"]);
        run("policy-server gateway apply", apply.arg(&file).arg("--data").arg(self.data()))?;
        Ok(())
    }

    /// What `policy-server gateway WORD` prints: `pin` or `key`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn gateway_word(&self, word: &str) -> Result<String, ServerError> {
        let mut ask = self.command(&["gateway", word, "--data"]);
        Ok(run("policy-server gateway", ask.arg(self.data()))?.trim().to_owned())
    }

    /// Starts serving and waits for the server's own word that it is ready.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn serve(&mut self) -> Result<(), ServerError> {
        self.serve_with(&[])
    }

    /// [`PolicyServer::serve`] with more in its environment.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn serve_with(&mut self, environment: &[(&str, &str)]) -> Result<(), ServerError> {
        let mut serve = command(&self.program, None);
        serve.envs(environment.iter().copied());
        serve.arg("serve").arg("--data").arg(self.data()).arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        if let Some(port) = self.gateway {
            serve.arg("--gateway-listen").arg(format!("127.0.0.1:{port}"));
        }
        let log = self.folder.join("server.log");
        let mut running = Running::start("policy-server", serve.stdin(Stdio::null()), &log)?;
        running.wait_line("ready", 0, START, |line| line.starts_with("ready https://").then_some(()))?;
        self.running = Some(running);
        Ok(())
    }

    /// Puts the demo's policy in force.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn apply_policy(&self, reach: Reach<'_>) -> Result<(), ServerError> {
        self.apply_policy_file(&fill(POLICY, reach))
    }

    /// [`PolicyServer::apply_policy`] with a file of one's own.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn apply_policy_file(&self, toml: &str) -> Result<(), ServerError> {
        let file = self.folder.join("policy.toml");
        fs::write(&file, toml)?;
        let mut apply = self.command(&["policy", "apply"]);
        run("policy-server policy apply", apply.arg(&file).args(["--group", GROUP]).arg("--data").arg(self.data()))?;
        Ok(())
    }

    /// An invitation for `user`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn invite(&self, user: &str) -> Result<String, ServerError> {
        let answer = self.json("invite", &["invite", "--user", user, "--group", GROUP])?;
        text(&answer, "invite", "link")
    }

    /// The devices the server knows.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn devices(&self) -> Result<Vec<Value>, ServerError> {
        let mut list = self.command(&["device", "list", "--json", "--data"]);
        let said = run("policy-server device list", list.arg(self.data()))?;
        Ok(said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// What the server knows about device `id`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn device(&self, id: &str) -> Result<Value, ServerError> {
        self.json("device show", &["device", "show", id])
    }

    /// Orders the wipe of device `id`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn wipe(&self, id: &str) -> Result<Value, ServerError> {
        self.json("device wipe", &["device", "wipe", id])
    }

    /// Ends the server as a power cut does, if it runs.
    pub fn cut(&mut self) {
        self.running = None;
    }

    /// The running server, if it was started.
    pub fn running(&mut self) -> Option<&mut Running> {
        self.running.as_mut()
    }

    /// Lets device `id` in again after too many wrong PINs or a lock.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn release(&self, id: &str) -> Result<Value, ServerError> {
        self.json("device release", &["device", "release", id])
    }

    /// Where the audit log and everything else of the server lies.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where the root key lies, which is moved away from the server.
    #[must_use]
    pub fn root_key(&self) -> PathBuf {
        self.folder.join("usb-stick-root.key")
    }

    /// A command of the server, to be given more arguments.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = command(&self.program, None);
        command.args(args);
        command
    }

    fn json(&self, name: &'static str, args: &[&str]) -> Result<Value, ServerError> {
        let said =
            run(&format!("policy-server {name}"), self.command(args).args(["--json", "--data"]).arg(self.data()))?;
        let object = said.lines().find_map(|line| serde_json::from_str(line).ok());
        object.ok_or(ServerError::Answer { command: name, field: "a JSON object" })
    }
}

/// The text in field `field` of an answer.
///
/// # Errors
/// [`ServerError::Answer`] if there is none.
pub fn text(answer: &Value, command: &'static str, field: &'static str) -> Result<String, ServerError> {
    let found = answer.get(field).and_then(Value::as_str);
    found.map(str::to_owned).ok_or(ServerError::Answer { command, field })
}

fn fill(template: &str, reach: Reach<'_>) -> String {
    template.replace("@PORT@", &reach.port.to_string()).replace("@CA@", reach.ca.trim())
}
