//! nginx: TLS for every host name of the system, and the log of what pages reported.

use std::{fs, io, process::Stdio};

use nix::unistd::User;

use super::{CHAT, Layout, OUTSIDE, UPLOADS};
use crate::harness::process::{ProcessError, Running, command};

pub fn write(layout: &Layout<'_>) -> io::Result<()> {
    fs::create_dir_all(layout.folder.join("nginx"))?;
    fs::write(layout.folder.join("nginx.conf"), configuration(layout))
}

pub fn start(layout: &Layout<'_>, user: Option<&User>) -> Result<Running, ProcessError> {
    let mut nginx = command("nginx", user);
    nginx.arg("-p").arg(layout.folder).arg("-c").arg(layout.folder.join("nginx.conf"));
    nginx.args(["-e", "stderr"]).stdin(Stdio::null());
    Running::start("nginx", &mut nginx, &layout.folder.join("nginx.err"))
}

fn configuration(layout: &Layout<'_>) -> String {
    let folder = layout.folder.display();
    let (port, chat_port) = (layout.port, layout.chat_port);
    format!(
        r#"# Written by the installer for one run. One process, so that ending it ends all of it.
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
  include /etc/nginx/mime.types;
  charset utf-8;
  access_log {folder}/access.log;
  client_body_temp_path {folder}/nginx/body;
  proxy_temp_path {folder}/nginx/proxy;
  fastcgi_temp_path {folder}/nginx/fastcgi;
  uwsgi_temp_path {folder}/nginx/uwsgi;
  scgi_temp_path {folder}/nginx/scgi;
  client_max_body_size 16m;
  log_format seen '$args';
  log_format line '$request';
  ssl_certificate {folder}/tls.pem;
  ssl_certificate_key {folder}/tls.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  gzip on;
  gzip_types text/css application/javascript application/json application/wasm;

  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {CHAT};
    root {folder}/www;
    location = /seen {{ access_log {folder}/seen.log seen; return 204; }}
    location /files/ {{ add_header Content-Disposition attachment; }}
    location = /xmpp-websocket {{
      proxy_pass http://127.0.0.1:{chat_port};
      proxy_http_version 1.1;
      proxy_set_header Host {CHAT};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_read_timeout 900s;
    }}
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {UPLOADS};
    location / {{
      proxy_pass http://127.0.0.1:{chat_port};
      proxy_set_header Host {UPLOADS};
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_request_buffering off;
    }}
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {OUTSIDE};
    access_log {folder}/outside.log line;
    location / {{ default_type text/html; return 200 "<!doctype html><h1>outside</h1>"; }}
  }}
}}
"#
    )
}
