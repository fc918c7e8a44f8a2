//! A proxy that opens TLS, as an organisation would put in front of its people's browsers: Debian's squid, with its
//! cache off.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use installer::harness::{
    process::{Running, command},
    wait::wait_for,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use workspace_tests::{Scene, Wrong};

const SQUID: &str = "/usr/sbin/squid";
const MAKER: &str = "/usr/lib/squid/security_file_certgen";
const LIMIT: Duration = Duration::from_secs(20);

/// A running squid.
#[derive(Debug)]
pub(crate) struct Squid {
    /// Its address, as a browser's proxy setting wants it.
    pub(crate) proxy: String,
    _running: Running,
}

/// Starts one in `folder` that trusts the scene's site; `None` where Debian's `squid-openssl` is not installed.
pub(crate) fn start(scene: &Scene, folder: &Path) -> Result<Option<Squid>, Wrong> {
    if !Path::new(MAKER).is_file() || !Path::new(SQUID).is_file() {
        return Ok(None);
    }
    let folder = folder.join("squid");
    fs::create_dir(&folder)?;
    fs::write(folder.join("authority.pem"), authority()?)?;
    fs::write(folder.join("site.pem"), &scene.site.ca)?;
    let made = Command::new(MAKER).arg("-c").arg("-s").arg(folder.join("names")).args(["-M", "4MB"]).output()?;
    if !made.status.success() {
        return Err(format!("squid's store of certificates: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    // Free a moment ago; squid cannot be handed a socket.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let settings = folder.join("squid.conf");
    fs::write(&settings, configuration(&folder, port))?;
    let mut squid = command(SQUID, None);
    squid.arg("-N").arg("-f").arg(&settings);
    let running = Running::start("squid", &mut squid, &folder.join("squid.out"))?;
    wait_for("squid to listen", LIMIT, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
    Ok(Some(Squid { proxy: format!("http://127.0.0.1:{port}"), _running: running }))
}

fn authority() -> Result<String, Wrong> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "squid");
    Ok(format!("{}{}", params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "http_port 127.0.0.1:{port} ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB \
         tls-cert={folder}/authority.pem\n\
         sslcrtd_program {MAKER} -s {folder}/names -M 4MB\n\
         sslcrtd_children 2 startup=1 idle=1\n\
         tls_outgoing_options cafile={folder}/site.pem\n\
         ssl_bump bump all\n\
         http_access allow all\n\
         cache deny all\n\
         access_log none\n\
         cache_log {folder}/cache.log\n\
         pid_filename {folder}/squid.pid\n\
         coredump_dir {folder}\n\
         pinger_enable off\n\
         shutdown_lifetime 0 seconds\n\
         visible_hostname squid\n"
    )
}
