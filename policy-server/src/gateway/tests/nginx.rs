//! The same attacks on nginx as a reverse proxy with client certificates, for comparison: docs/security.md has the table.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD as B64};

use super::{
    attacks::{Fate, fate, table},
    *,
};

const CONFIG: &str = r#"
daemon off;
master_process off;
pid @FOLDER@/pid;
error_log stderr crit;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path @FOLDER@/body;
    proxy_temp_path @FOLDER@/proxy;
    fastcgi_temp_path @FOLDER@/fastcgi;
    uwsgi_temp_path @FOLDER@/uwsgi;
    scgi_temp_path @FOLDER@/scgi;
    ssl_certificate @FOLDER@/tls.pem;
    ssl_certificate_key @FOLDER@/tls.key;
    ssl_client_certificate @FOLDER@/ca.pem;
    ssl_verify_client on;
    ssl_protocols TLSv1.3;
    server {
        listen 127.0.0.1:@PORT@ ssl default_server;
        return 421;
    }
    server {
        listen 127.0.0.1:@PORT@ ssl;
        server_name care.example;
        location / {
            proxy_pass http://@SYSTEM@;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Workspace-Identity $ssl_client_s_dn;
        }
    }
}
"#;

/// A running nginx; killed when dropped.
struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let body = B64.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

impl Nginx {
    /// Before the scene's system, with the server's own key and device CA.
    async fn before(scene: &Scene) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = &scene.rig.server.keys;
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        write("tls.pem", pem("CERTIFICATE", &keys.tls_certificate));
        write("tls.key", pem("PRIVATE KEY", keys.tls.secret_der()));
        write("ca.pem", pem("CERTIFICATE", &keys.ca.certificate()));
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let config = CONFIG
            .replace("@FOLDER@", &folder.path().display().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@SYSTEM@", &scene.system.to_string());
        write("nginx.conf", config);
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("nginx");
        command.env("PATH", path).arg("-e").arg("stderr").arg("-c").arg(folder.path().join("nginx.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let nginx = Self { child: child.expect("nginx-light is installed"), address, _folder: folder };
        let up = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("nginx comes up");
        nginx
    }
}

fn told(fate: &Fate) -> String {
    match fate {
        Fate::Refused(Some(status)) => format!("refused, {status}"),
        Fate::Refused(None) => "refused, cut".to_owned(),
        Fate::Passed(head) if head.contains("forged") => "passed on, forged word and all".to_owned(),
        Fate::Passed(_) => "passed on in one reading".to_owned(),
    }
}

#[tokio::test]
async fn nginx_is_asked_the_same() {
    let scene = Scene::behind().await;
    let nginx = Nginx::before(&scene).await;
    let there = || raw::line(nginx.address, line::pinned(&scene.rig), Some(scene.device.identity()), b"http/1.1");
    let plain = b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n";
    assert_eq!(raw::exchange(&mut there().await.unwrap(), plain).await, Some(200), "nginx serves what is right");
    let none = raw::line(nginx.address, line::pinned(&scene.rig), None, b"http/1.1").await;
    if let Ok(mut line) = none {
        assert_ne!(raw::exchange(&mut line, plain).await, Some(200), "nginx asks for a certificate");
    }
    println!("| request | our gateway | nginx |\n| --- | --- | --- |");
    for attack in table() {
        let ours = fate(&mut scene.open().await, &attack, &scene.reached).await;
        let theirs = fate(&mut there().await.unwrap(), &attack, &scene.reached).await;
        println!("| {} | {} | {} |", attack.name, told(&ours), told(&theirs));
    }
}
