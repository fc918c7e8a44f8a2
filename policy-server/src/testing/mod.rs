//! A real server on loopback and a device that speaks to it as a browser does: TLS 1.3, OPAQUE, WebSocket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod authenticator;
pub mod browser;
pub mod device;
pub mod line;
pub mod tpm;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, http::Request};
use policy_server_core::{audit::Verifier, signing::sign_boundary};
use policy_server_store::{Store, View};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt;
use workspace_protocol::{ids::Version, link::EnrollmentLink};

use crate::{
    admin, clock,
    data::{DataDir, Lock, init, root},
    failure::Failure,
    flow::{boundary, invite, policy},
    serve::{browser as browser_tls, connection, tls},
    server::Server,
};

/// Who gives orders in tests.
pub const ADMIN: &str = "admin:uid=0";

/// A boundary that allows two hosts for at most a day.
pub const BOUNDARY: &str = r#"
schema = 1
allow = ["care.example", "records.example"]
lease_max = "24h"
attestation_minimum = "software"
permissions = []
"#;

/// A policy for a host, with an eight hour lease.
pub fn policy_toml(host: &str) -> String {
    format!(
        r#"
schema = 1
name = "home-care"
[session]
idle_lock = "5m"
idle_wipe = "30m"
lease = "8h"
languages = ["ja", "en"]
[screen]
capture = "block"
watermark = "off"
[clipboard]
mode = "workspace"
paste_in = false
[posture]
os_supported = "report"
disk_encryption = "report"
screen_lock = "report"
secure_boot = "report"
rooted = "report"
debugger = "report"
[attestation]
minimum = "software"
[[system]]
id = "care"
title = {{ ja = "ケア", en = "Care" }}
kind = "collaboration"
start = "https://{host}/"
area = []
allow = ["{host}"]
camera = false
microphone = false
geolocation = false
upload = "none"
download = "none"
print = false
clipboard_group = "clinical"
network = "public"
trust = "system"
"#
    )
}

/// A running server.
pub struct Rig {
    pub server: Arc<Server>,
    pub address: SocketAddr,
    pub dir: DataDir,
    admin: Router,
    _lock: Lock,
    folder: TempDir,
}

impl Rig {
    /// A server with [`BOUNDARY`] and a policy for "home-care".
    pub async fn start() -> Self {
        let rig = Self::bare().await;
        rig.sign_boundary(2, BOUNDARY).await.unwrap();
        rig.apply("care.example").await.unwrap();
        rig
    }

    /// A server as `init` makes it.
    pub async fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let wish =
            init::Wish { data: &data, url: "https://127.0.0.1:8443", org: "Clinic", root_key: None, boundary: None };
        init::init(&wish).await.unwrap();
        Self::over(folder, DataDir::new(&data)).await
    }

    async fn over(folder: TempDir, dir: DataDir) -> Self {
        let lock = dir.lock().unwrap();
        let server = Server::open(&dir, true).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let devices = tls::config(&server.keys).unwrap();
        let browsers = browser_tls::config(&server.keys, browser_tls::load(&dir, &server.config)).unwrap();
        let door = connection::Door::Both { devices, browsers };
        server.tasks.spawn(connection::accept(Arc::clone(&server), listener, door));
        let actor = Extension(admin::Actor(ADMIN.to_owned()));
        let admin = admin::router(Arc::clone(&server)).layer(actor);
        Self { server, address, dir, admin, _lock: lock, folder }
    }

    /// Stops the server and starts another on the same folder, as after a crash.
    /// As [`Rig::restart`], with something done while no server runs.
    pub async fn restart_after<F: Future<Output = ()>>(self, between: impl FnOnce() -> F) -> Self {
        let Self { server, dir, _lock, folder, .. } = self;
        server.end(Duration::from_secs(5)).await;
        drop((server, _lock));
        between().await;
        Self::over(folder, dir).await
    }

    pub async fn restart(self) -> Self {
        assert!(self.server.end(Duration::from_secs(30)).await);
        drop(self._lock);
        Self::over(self.folder, self.dir).await
    }

    /// Stops the server and starts one on another folder beside its own.
    pub async fn restart_on(self, name: &str) -> Self {
        assert!(self.server.end(Duration::from_secs(30)).await);
        drop(self._lock);
        let dir = DataDir::new(&self.folder.path().join(name));
        Self::over(self.folder, dir).await
    }

    /// A path beside the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs and applies a boundary.
    pub async fn sign_boundary(&self, version: u64, toml: &str) -> Result<boundary::Applied, Failure> {
        let key = root::load(&self.dir.file("root.key")).unwrap();
        let envelope = sign_boundary(&key, toml, Version(version), clock::now(), 3600);
        boundary::apply(&self.server, ADMIN, envelope).await
    }

    /// Applies a policy for `host` to "home-care".
    pub async fn apply(&self, host: &str) -> Result<Version, Failure> {
        let group = "home-care".parse().unwrap();
        policy::apply(&self.server, ADMIN, &group, "test.toml", &policy_toml(host)).await
    }

    /// A link for a device of "home-care".
    pub async fn invite(&self) -> EnrollmentLink {
        invite::invite(&self.server, ADMIN, "花子", "home-care".parse().unwrap(), 900).await.unwrap().0
    }

    /// Asks the admin routes; gives status and JSON.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.admin.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// What `device show` shows.
    pub async fn show(&self, device: impl ToString) -> Value {
        let (status, shown) =
            self.admin("GET", &format!("/admin/v1/devices/{}", device.to_string()), Value::Null).await;
        assert_eq!(status, 200, "{shown}");
        shown
    }

    /// The audit log's entries as `(action, refused)`, after proving that the log is whole.
    pub async fn audit(&self) -> Vec<(String, Option<String>)> {
        let mut view = self.server.store.view().await.unwrap();
        let leaves = view.leaves(0, 10_000).await.unwrap();
        let mut verifier = Verifier::new(&self.server.keys.log);
        let read = |leaf| {
            let entry = verifier.next(leaf).unwrap();
            (entry.action, entry.refused)
        };
        leaves.iter().map(read).collect()
    }

    /// How often an action stands in the audit log.
    pub async fn logged(&self, action: &str, refused: Option<&str>) -> usize {
        let wanted = (action.to_owned(), refused.map(str::to_owned));
        self.audit().await.iter().filter(|entry| **entry == wanted).count()
    }
}
