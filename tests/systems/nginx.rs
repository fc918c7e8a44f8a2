//! nginx of the systems: TLS for each on its own port, what it hands on to the software behind.

use crate::ward::{NAMES, SYSTEMS, Ward, credentials};

/// The whole configuration; what pages tell and send goes to the site on port `site`.
pub fn configuration(ward: &Ward, site: u16) -> String {
    let folder = ward.folder.display();
    let servers: String = NAMES.iter().zip(SYSTEMS).map(|(host, name)| server(ward, host, name, site)).collect();
    format!(
        r#"# One process, so that ending it ends all of it.
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  charset utf-8;
  client_body_temp_path {folder}/nginx/body;
  proxy_temp_path {folder}/nginx/proxy;
  fastcgi_temp_path {folder}/nginx/fastcgi;
  uwsgi_temp_path {folder}/nginx/uwsgi;
  scgi_temp_path {folder}/nginx/scgi;
  client_max_body_size 16m;
  log_format line '$status $request';
  ssl_certificate {folder}/tls.pem;
  ssl_certificate_key {folder}/tls.key;
  proxy_http_version 1.1;
{servers}}}
"#
    )
}

fn server(ward: &Ward, host: &str, name: &str, site: u16) -> String {
    let (folder, port) = (ward.folder.display(), ward.port(name));
    let own = locations(ward, name);
    format!(
        r#"
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name {host};
    root {folder}/www/{name};
    access_log {folder}/{name}.log line;
    location /told/ {{ access_log off; proxy_pass https://127.0.0.1:{site}; proxy_set_header Host $host; }}
    location = /tell.js {{ access_log off; }}
    location ~ \.mjs$ {{ types {{ }} default_type text/javascript; }}
{own}
  }}
"#
    )
}

/// What is peculiar to a system.
fn locations(ward: &Ward, name: &str) -> String {
    match name {
        "desk" => socket(ward, "/websockify", "websockify"),
        "meet" => socket(ward, "/janus", "janus"),
        "img" => orthanc(ward.port("orthanc")),
        "tiles" => {
            "    add_header Access-Control-Allow-Origin *;\n    location ~ \\.png$ { try_files /tile.png =404; }"
                .to_owned()
        }
        "voice" => "    location /files/ { add_header Content-Disposition attachment; }".to_owned(),
        "outside" => {
            "    location / { default_type text/html; return 200 \"<!doctype html><h1>outside</h1>\"; }".to_owned()
        }
        _ => String::new(),
    }
}

fn socket(ward: &Ward, path: &str, to: &str) -> String {
    format!(
        "    location = {path} {{ proxy_pass http://127.0.0.1:{}; proxy_set_header Upgrade $http_upgrade; \
         proxy_set_header Connection upgrade; proxy_read_timeout 900s; }}",
        ward.port(to)
    )
}

/// Orthanc's own pages, with the word that they tell where their parts are, and the list that the test adds.
fn orthanc(port: u16) -> String {
    format!(
        r#"    location = /exams.html {{ }}
    location = /viewer-spots.js {{ access_log off; }}
    location / {{
      proxy_pass http://127.0.0.1:{port};
      proxy_set_header Authorization "{}";
      proxy_set_header Accept-Encoding "";
      sub_filter '</head>' '<script src="/viewer-spots.js"></script><script src="/tell.js"></script></head>';
    }}"#,
        credentials(),
    )
}
