//! The proxies that are measured: this program's own gateway, nginx, haproxy; each as a process of its own.

use std::{
    io,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as B64};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use super::rig::Rig;

/// How long a proxy may take to listen.
const START: Duration = Duration::from_secs(20);

const NGINX: &str = r#"
daemon off;
worker_processes auto;
pid @FOLDER@/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path @FOLDER@/body;
    proxy_temp_path @FOLDER@/proxy;
    fastcgi_temp_path @FOLDER@/fastcgi;
    uwsgi_temp_path @FOLDER@/uwsgi;
    scgi_temp_path @FOLDER@/scgi;
    keepalive_requests 100000000;
    upstream system { server @SYSTEM@; keepalive 64; keepalive_requests 100000000; }
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen 127.0.0.1:@PORT@ ssl;
        ssl_certificate @FOLDER@/tls.pem;
        ssl_certificate_key @FOLDER@/key.pem;
        ssl_client_certificate @FOLDER@/ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        location / {
            proxy_pass http://system;
            proxy_http_version 1.1;
            proxy_buffers 16 64k;
            proxy_busy_buffers_size 128k;
            proxy_max_temp_file_size 0;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Workspace-Identity $ssl_client_s_dn;
        }
    }
}
"#;
const HAPROXY: &str = r#"
global
    nbthread @CORES@
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
    http-reuse always
frontend devices
    bind 127.0.0.1:@PORT@ ssl crt @FOLDER@/both.pem ca-file @FOLDER@/ca.pem verify required ssl-min-ver TLSv1.3
    http-request set-header Workspace-Identity %[ssl_c_s_dn]
    default_backend system
backend system
    server one @SYSTEM@ maxconn 1024
"#;

/// A kind of proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This program.
    Ours,
    /// Debian's nginx.
    Nginx,
    /// Debian's haproxy.
    Haproxy,
}

impl Peer {
    /// All, in the order of their turns.
    pub const ALL: [Self; 3] = [Self::Ours, Self::Nginx, Self::Haproxy];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "policy-server",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }
}

/// A proxy that listens; killed when dropped.
pub struct Running {
    /// Which.
    pub kind: Peer,
    /// Where.
    pub address: SocketAddr,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first: nginx takes its workers with it only so.
        let asked = i32::try_from(self.child.id())
            .map(|id| nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM));
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Starts a proxy before the rig's system.
///
/// # Errors
/// What the system said; the proxy may not be installed.
pub async fn start(kind: Peer, rig: &Rig) -> io::Result<Running> {
    let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut command = command(kind, rig, address)?;
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null());
    let mut running = Running { kind, address, child: command.spawn()? };
    let end = Instant::now() + START;
    while TcpStream::connect(address).await.is_err() {
        if Instant::now() > end || running.child.try_wait()?.is_some() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(running)
}

fn command(kind: Peer, rig: &Rig, address: SocketAddr) -> io::Result<Command> {
    let [key, certificate, ca] = &rig.keys;
    let (key, certificate, ca) = (pem("PRIVATE KEY", key), pem("CERTIFICATE", certificate), pem("CERTIFICATE", ca));
    rig.write("both.pem", format!("{certificate}{key}"))?;
    rig.write("tls.pem", certificate)?;
    rig.write("key.pem", key)?;
    rig.write("ca.pem", ca)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let fill = |text: &str| {
        text.replace("@FOLDER@", &rig.folder().display().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@SYSTEM@", &rig.system.to_string())
            .replace("@CORES@", &cores.to_string())
    };
    Ok(match kind {
        Peer::Ours => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("serve").arg("--data").arg(rig.data()).args(["--listen", "127.0.0.1:0"]);
            command.arg("--gateway-listen").arg(address.to_string()).stderr(Stdio::null());
            command
        }
        Peer::Nginx => {
            let mut command = Command::new("nginx");
            command.args(["-e", "stderr", "-c"]).arg(rig.write("nginx.conf", fill(NGINX))?);
            command
        }
        Peer::Haproxy => {
            let mut command = Command::new("haproxy");
            command.args(["-q", "-f"]).arg(rig.write("haproxy.cfg", fill(HAPROXY))?);
            command
        }
    })
}

fn pem(kind: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {kind}-----\n");
    for line in B64.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {kind}-----\n"));
    text
}
