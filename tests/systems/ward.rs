//! The systems of a care team on loopback: each the software itself, behind nginx with TLS by a private CA, on a host
//! name and port of its own. All of it lies in one folder and ends with the test.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use installer::{
    harness::{
        display::Display,
        ports,
        process::{Running, command},
        wait::wait_until,
    },
    stack::{ca, npm},
};
use serde_json::json;
use workspace_tests::{Place, Wrong};

use crate::{PATIENCE, bed::tool, dicom, nginx};

/// The systems' names; each has the host `NAME.care.test`, but the last, which is on nobody's list.
pub const SYSTEMS: [&str; 7] = ["img", "desk", "meet", "map", "tiles", "voice", "outside"];
/// The hosts, which must lead to this machine.
pub const NAMES: [&str; 7] = [
    "img.care.test",
    "desk.care.test",
    "meet.care.test",
    "map.care.test",
    "tiles.care.test",
    "voice.care.test",
    "outside.test",
];
/// Servers that no person talks to by their own port.
const BEHIND: [&str; 5] = ["orthanc", "vnc", "websockify", "janus", "stun"];
/// What Orthanc asks for; nginx gives it in the person's stead, as an access gateway does.
const ORTHANC_PASSWORD: &str = "only-for-this-run";
/// Images of the examination.
pub const IMAGES: u16 = 6;
/// How long the servers may take to come up.
const START: Duration = Duration::from_secs(30);
/// Colour of every tile of the map.
const TILE: &str = "xc:#2e8b57";
/// Facilities on the map, in rows of this many.
const ROW: usize = 20;

/// The running systems.
pub struct Ward {
    /// Where everything of theirs lies.
    pub folder: PathBuf,
    ports: BTreeMap<&'static str, u16>,
    remote: Option<Display>,
    janus: Option<Running>,
    _servers: Vec<Running>,
}

impl Ward {
    /// Starts them in a folder of `place`; what their pages tell and send goes to the site on port `site`.
    pub fn start(place: &Place, site: u16) -> Result<Self, Wrong> {
        let folder = place.folder("ward");
        fs::create_dir(&folder)?;
        let mut ports = BTreeMap::new();
        for name in SYSTEMS.into_iter().chain(BEHIND) {
            ports.insert(name, ports::free(None)?);
        }
        let mut ward = Self { folder, ports, remote: None, janus: None, _servers: Vec::new() };
        ward.lay_out(place)?;
        fs::write(ward.folder.join("nginx.conf"), nginx::configuration(&ward, site))?;
        let mut nginx = command("nginx", None);
        nginx.arg("-p").arg(&ward.folder).arg("-c").arg(ward.folder.join("nginx.conf")).args(["-e", "stderr"]);
        let nginx = Running::start("nginx", nginx.stdin(Stdio::null()), &ward.folder.join("nginx.err"))?;
        ward._servers.push(nginx);
        ward.start_orthanc()?;
        ward.start_desktop()?;
        ward.start_janus()?;
        // Of the relay nobody is to hear.
        for (name, port) in ward.ports.iter().filter(|(name, _)| **name != "stun") {
            wait_until(&format!("{name} to answer"), START, || ports::answers(*port))?;
        }
        ward.send_images()?;
        Ok(ward)
    }

    fn start_orthanc(&mut self) -> Result<(), Wrong> {
        let folder = self.folder.join("orthanc");
        fs::create_dir(&folder)?;
        let plugin = |name: &str| format!("/usr/share/orthanc/plugins/lib{name}.so");
        let told = json!({
            "Name": "exam",
            "StorageDirectory": folder,
            "IndexDirectory": folder,
            "TemporaryDirectory": folder,
            "Plugins": [plugin("OrthancWebViewer"), plugin("OrthancDicomWeb")],
            "HttpPort": self.port("orthanc"),
            "DicomServerEnabled": false,
            "DefaultEncoding": "Utf8",
            // It binds to every address, and answers this machine alone.
            "RemoteAccessAllowed": false,
            "AuthenticationEnabled": true,
            "RegisteredUsers": { "gateway": ORTHANC_PASSWORD },
            "WebViewer": { "CachePath": folder.join("cache") },
            "DicomWeb": { "Enable": true, "Root": "/dicom-web/" },
        });
        let file = folder.join("orthanc.json");
        fs::write(&file, told.to_string())?;
        let mut orthanc = command("Orthanc", None);
        let orthanc = orthanc.arg(&file).env("LANG", "C.UTF-8").stdin(Stdio::null());
        self._servers.push(Running::start("Orthanc", orthanc, &folder.join("orthanc.log"))?);
        Ok(())
    }

    /// The remote desktop, its VNC server and what carries that through a WebSocket.
    fn start_desktop(&mut self) -> Result<(), Wrong> {
        let (vnc, socket) = (self.port("vnc").to_string(), self.port("websockify"));
        let mut desktop = command("Xtigervnc", None);
        desktop.args(["-displayfd", "1", "-rfbport", &vnc, "-localhost", "-SecurityTypes", "None", "-nolisten", "tcp"]);
        desktop.args(["-geometry", "800x600", "-depth", "24", "-AlwaysShared", "-noreset"]).stdin(Stdio::null());
        let mut desktop = Running::start("Xtigervnc", &mut desktop, &self.folder.join("vnc.log"))?;
        let number = desktop.wait_line("its number", 0, START, |line| line.trim().parse::<u32>().ok())?;
        self.remote = Some(Display::of_the_desktop(&format!(":{number}"), None));
        let mut bridge = command("websockify", None);
        bridge.arg(format!("127.0.0.1:{socket}")).arg(format!("127.0.0.1:{vnc}")).stdin(Stdio::null());
        let bridge = Running::start("websockify", &mut bridge, &self.folder.join("websockify.log"))?;
        self._servers.extend([desktop, bridge]);
        Ok(())
    }

    /// The display of the remote desktop.
    pub fn remote_display(&self) -> Result<&Display, Wrong> {
        Ok(self.remote.as_ref().ok_or("no remote desktop")?)
    }

    /// Janus with its echo call alone, on loopback alone.
    fn start_janus(&mut self) -> Result<(), Wrong> {
        let folder = self.folder.join("janus");
        let library = "/usr/lib/x86_64-linux-gnu/janus";
        for (part, name) in [("plugins", "libjanus_echotest.so"), ("transports", "libjanus_websockets.so")] {
            fs::create_dir_all(folder.join(part))?;
            symlink(format!("{library}/{part}/{name}"), folder.join(part).join(name))?;
        }
        let at = folder.display();
        let general = format!(
            "general: {{ configs_folder = \"{at}\" plugins_folder = \"{at}/plugins\" transports_folder = \"{at}/transports\" \
             events_folder = \"{at}\" loggers_folder = \"{at}\" debug_level = 4 debug_colors = false }}\n\
             nat: {{ ice_enforce_list = \"lo\" }}\n"
        );
        let port = self.port("janus");
        let socket = format!("general: {{ ws = true ws_port = {port} ws_ip = \"127.0.0.1\" wss = false }}\n");
        fs::write(folder.join("janus.jcfg"), general)?;
        fs::write(folder.join("janus.transport.websockets.jcfg"), socket)?;
        let mut janus = command("janus", None);
        janus.arg("--config").arg(folder.join("janus.jcfg")).arg("--configs-folder").arg(&folder).stdin(Stdio::null());
        self.janus = Some(Running::start("janus", &mut janus, &folder.join("janus.log"))?);
        Ok(())
    }

    /// Waits until Janus says something about a call that `fits`.
    pub fn janus_says(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> Result<(), Wrong> {
        let janus = self.janus.as_mut().ok_or("no janus")?;
        Ok(janus.wait_line(what, 0, PATIENCE, |line| fits(line).then_some(()))?)
    }

    /// What a scanner does.
    fn send_images(&self) -> Result<(), Wrong> {
        for number in 0..IMAGES {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port("orthanc")))?;
            let image = dicom::image(number);
            let head = format!(
                "POST /instances HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                credentials(),
                image.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(&image)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            if !answer.starts_with("HTTP/1.1 200") {
                return Err(format!("Orthanc took no image: {answer}").into());
            }
        }
        Ok(())
    }

    /// Address of `path` at system `name`.
    pub fn url(&self, name: &str, path: &str) -> String {
        let host = if name == "outside" { "outside.test".to_owned() } else { format!("{name}.care.test") };
        format!("https://{host}:{}{path}", self.port(name))
    }

    /// Port of a server.
    pub fn port(&self, name: &str) -> u16 {
        self.ports.get(name).copied().unwrap_or_default()
    }

    /// Waits until system `name` was asked for something with `part` in its path.
    pub fn asked(&self, name: &str, part: &str) -> Result<(), Wrong> {
        Ok(wait_until(&format!("{name} to be asked for {part}"), PATIENCE, || self.asked_already(name, part))?)
    }

    /// Fails if system `name` was asked for something with `part` in its path.
    pub fn none_asked(&self, name: &str, part: &str) -> Result<(), Wrong> {
        if self.asked_already(name, part) { Err(format!("{name} was asked for {part}").into()) } else { Ok(()) }
    }

    /// Whether system `name` was asked for something with `part` in its path.
    pub fn asked_already(&self, name: &str, part: &str) -> bool {
        self.requests(name).iter().any(|request| request.contains(part))
    }

    /// The first line of every request that reached system `name`, told ones apart.
    pub fn requests(&self, name: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// The widest that a policy may be: every system but the one outside.
    pub fn boundary(&self) -> String {
        let hosts = SYSTEMS.iter().filter(|name| **name != "outside").flat_map(|name| {
            let port = self.port(name);
            [format!("\"https://care.test:{port}\""), format!("\"wss://care.test:{port}\"")]
        });
        let hosts: Vec<String> = hosts.collect();
        format!(
            "schema = 1\nallow = [{}]\nlease_max = \"24h\"\nattestation_minimum = \"software\"\npermissions = [\"camera\", \
             \"microphone\", \"geolocation\", \"upload\", \"download-view\", \"network-private\", \"trust-ca\"]\n",
            hosts.join(", ")
        )
    }

    /// The policy: each system, and what it may use.
    pub fn policy(&self) -> Result<String, Wrong> {
        let ca = fs::read_to_string(self.folder.join("ca.pem"))?;
        let mut text = String::from(
            "schema = 1\nname = \"home-care\"\n[session]\nidle_lock = \"5m\"\nidle_wipe = \"30m\"\nlease = \"8h\"\n\
             languages = [\"ja\", \"en\"]\n[screen]\ncapture = \"block\"\nwatermark = \"off\"\n[clipboard]\nmode = \
             \"workspace\"\npaste_in = false\n[attestation]\nminimum = \"software\"\n",
        );
        let tiles = format!("{{ url = \"{}\", as = [\"image\"] }}", self.url("tiles", ""));
        for (name, kind, more, rights) in [
            ("map", "map", tiles.as_str(), ""),
            ("img", "viewer", "", ""),
            ("desk", "desktop", "", ""),
            ("voice", "other", "", "microphone = true\nupload = \"files\""),
            ("meet", "meeting", "", "camera = true\nmicrophone = true"),
        ] {
            let https = self.url(name, "");
            let wss = https.replacen("https", "wss", 1);
            text.push_str(&format!(
                "\n[[system]]\nid = \"{name}\"\ntitle = {{ ja = \"{name}\", en = \"{name}\" }}\nkind = \"{kind}\"\nstart = \
                 \"{https}/\"\nallow = [\"{https}\", \"{wss}\", {more}]\nnetwork = \"private\"\ntrust = \"ca:care\"\n{rights}\n"
            ));
        }
        text.push_str(&format!("\n[[ca]]\nname = \"care\"\npem = \"\"\"\n{}\n\"\"\"\n", ca.trim()));
        Ok(text)
    }

    /// Certificates and pages.
    fn lay_out(&self, place: &Place) -> Result<(), Wrong> {
        ca::write(&self.folder, &NAMES).map_err(|error| format!("{error:?}"))?;
        fs::create_dir(self.folder.join("nginx"))?;
        let www = self.folder.join("www");
        for name in SYSTEMS {
            fs::create_dir_all(www.join(name))?;
            fs::write(www.join(name).join("tell.js"), include_str!("pages/tell.js"))?;
        }
        let packages = place.folder("packages");
        let unpacked = |package: npm::Package, name: &str| -> Result<PathBuf, Wrong> {
            let to = self.folder.join("unpacked").join(name);
            npm::unpack(&packages.join(package.tarball), &to)?;
            Ok(to)
        };
        let map = www.join("map");
        copy(&unpacked(npm::MAPLIBRE, "map")?.join("dist"), &map, |name| !name.ends_with(".map"))?;
        fs::write(map.join("index.html"), self.filled(include_str!("pages/map.html")))?;
        fs::write(map.join("map.js"), self.filled(include_str!("pages/map.js")))?;
        fs::write(map.join("care.geojson"), facilities().to_string())?;
        let tile = www.join("tiles/tile.png");
        tool("convert", &["-size", "256x256", TILE, &tile.to_string_lossy()])?;
        fs::write(www.join("tiles/evil.js"), "tell('evil', 'ran');")?;
        let voice = www.join("voice");
        let pad = unpacked(npm::SIGNATURE_PAD, "voice")?.join("dist/signature_pad.umd.min.js");
        fs::copy(pad, voice.join("signature_pad.umd.min.js"))?;
        fs::write(voice.join("index.html"), include_str!("pages/voice.html"))?;
        fs::write(voice.join("voice.js"), include_str!("pages/voice.js"))?;
        let desk = www.join("desk");
        let novnc = unpacked(npm::NOVNC, "desk")?;
        for part in ["core", "vendor"] {
            copy(&novnc.join(part), &desk.join(part), |name| name.ends_with(".js"))?;
        }
        fs::write(desk.join("index.html"), include_str!("pages/desk.html"))?;
        fs::write(www.join("meet/index.html"), self.filled(include_str!("pages/meet.html")))?;
        fs::write(www.join("img/exams.html"), include_str!("pages/exams.html"))?;
        fs::write(www.join("img/viewer-spots.js"), include_str!("pages/viewer-spots.js"))?;
        fs::create_dir(voice.join("files"))?;
        fs::write(voice.join("files/note.csv"), "memo,-MARKER-NOTE-4d27-\n")?;
        Ok(())
    }

    /// `page` with the ports of the systems filled in.
    fn filled(&self, page: &str) -> String {
        self.ports.iter().fold(page.to_owned(), |page, (name, port)| {
            page.replace(&format!("@{}@", name.to_uppercase()), &port.to_string())
        })
    }
}

/// What nginx and the scanner say to Orthanc.
pub fn credentials() -> String {
    format!("Basic {}", STANDARD.encode(format!("gateway:{ORTHANC_PASSWORD}")))
}

/// Copies the files of `from` whose name is `wanted`, and of the folders in it.
fn copy(from: &Path, to: &Path, wanted: fn(&str) -> bool) -> Result<(), Wrong> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let at = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &at, wanted)?;
        } else if wanted(&entry.file_name().to_string_lossy()) {
            fs::copy(entry.path(), at)?;
        }
    }
    Ok(())
}

/// Pharmacies of a ward, as GeoJSON.
fn facilities() -> serde_json::Value {
    let facility = |number: usize| {
        let step = |index: usize| f64::from(u32::try_from(index).unwrap_or_default()) * 0.01;
        let place = [139.6 + step(number % ROW), 35.6 + step(number / ROW)];
        json!({
            "type": "Feature",
            "properties": { "name": format!("さくら薬局{number}号"), "yomi": format!("sakura{number}") },
            "geometry": { "type": "Point", "coordinates": place },
        })
    };
    json!({ "type": "FeatureCollection", "features": (0..ROW * ROW).map(facility).collect::<Vec<_>>() })
}
