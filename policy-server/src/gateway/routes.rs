//! The gateway file: where each system behind the gateway lives, whom to trust there, and which groups may go.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use url::Url;
use workspace_protocol::ids::GroupName;

use super::upstream::Upstream;
use crate::data::files;

const SCHEMA: u32 = 1;
/// Most routes.
const ROUTES_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default)]
    route: Vec<RouteFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteFile {
    system: String,
    upstream: Option<String>,
    ca: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    egress: bool,
    #[serde(default)]
    private: bool,
}

/// How a system is reached.
#[derive(Debug)]
pub enum Way {
    /// As a reverse proxy.
    Proxy(Arc<Upstream>),
    /// CONNECT to the hosts the policy names, from the organisation's address; `private` ones too or public ones only.
    Egress {
        /// Whether private and loopback addresses may be dialled.
        private: bool,
    },
}

#[derive(Debug)]
struct Route {
    groups: Vec<GroupName>,
    way: Way,
}

/// All routes.
#[derive(Debug, Default)]
pub struct Routes(HashMap<String, Route>);

impl Routes {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Every fault, one a line.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        if text.len() > files::SMALL {
            return Err(vec![format!("longer than {} bytes", files::SMALL)]);
        }
        let file: File = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
        let mut faults = Vec::new();
        if file.schema != SCHEMA {
            faults.push(format!("schema: must be {SCHEMA}"));
        }
        if file.route.len() > ROUTES_MAX {
            faults.push(format!("route: more than {ROUTES_MAX}"));
        }
        let mut routes = HashMap::new();
        for (nth, one) in file.route.into_iter().enumerate() {
            let system = one.system.clone();
            match route(one) {
                Ok(_) if routes.contains_key(&system) => faults.push(format!("route {}: \"{system}\" again", nth + 1)),
                Ok(route) => drop(routes.insert(system, route)),
                Err(fault) => faults.push(format!("route {}: {fault}", nth + 1)),
            }
        }
        if faults.is_empty() { Ok(Self(routes)) } else { Err(faults) }
    }

    /// The way to `system` for `group`, if there is one. No groups named = all whose policy names the system.
    pub fn way(&self, system: &str, group: &GroupName) -> Option<&Way> {
        let route = self.0.get(system)?;
        (route.groups.is_empty() || route.groups.contains(group)).then_some(&route.way)
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The routes in force.
#[derive(Debug)]
pub struct InForce(RwLock<Arc<Routes>>);

impl InForce {
    /// Begins with these.
    pub fn new(routes: Routes) -> Self {
        Self(RwLock::new(Arc::new(routes)))
    }

    /// As they are now.
    pub fn get(&self) -> Arc<Routes> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Others, from now on.
    pub fn set(&self, routes: Routes) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }
}

fn route(file: RouteFile) -> Result<Route, String> {
    let groups: Result<Vec<GroupName>, String> = file
        .groups
        .iter()
        .map(|name| name.parse().map_err(|_| format!("groups: \"{name}\" is no group's name")))
        .collect();
    let way = match (file.egress, file.upstream) {
        (true, None) if file.ca.is_none() => Way::Egress { private: file.private },
        (true, _) => return Err("egress goes to the policy's own hosts: no upstream, no ca".to_owned()),
        (false, None) => return Err("needs upstream = \"https://...\" or egress = true".to_owned()),
        (false, Some(_)) if file.private => return Err("private belongs to egress".to_owned()),
        (false, Some(address)) => Way::Proxy(Arc::new(upstream(&address, file.ca.as_deref())?)),
    };
    Ok(Route { groups: groups?, way })
}

fn upstream(address: &str, ca: Option<&str>) -> Result<Upstream, String> {
    const WRONG: &str = "upstream: must be https://host[:port] or, on this machine, http://127.0.0.1[:port]";
    let url = Url::parse(address).map_err(|_| WRONG.to_owned())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let host = url.host().filter(|_| plain && url.path() == "/").ok_or(WRONG)?;
    let local = match &host {
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
        url::Host::Domain(_) => false,
    };
    let port = url.port_or_known_default().ok_or(WRONG)?;
    match (url.scheme(), ca) {
        ("http", None) if local => Ok(Upstream::plain(&host, port)),
        ("https", Some(pem)) => Upstream::tls(&host, port, &certificates(pem)?).map_err(|error| format!("ca: {error}")),
        ("https", None) => Err("ca: name in PEM whom the upstream's certificate is trusted by".to_owned()),
        _ => Err(WRONG.to_owned()),
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| "ca: no certificate in PEM form".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_route_is_whole_or_refused() {
        let good = "schema = 1\n[[route]]\nsystem = \"a\"\nupstream = \"http://127.0.0.1:8080\"\ngroups = [\"home\"]\n";
        let routes = Routes::parse(good).unwrap();
        assert!(routes.way("a", &"home".parse().unwrap()).is_some());
        assert!(routes.way("a", &"other".parse().unwrap()).is_none());
        assert!(routes.way("b", &"home".parse().unwrap()).is_none());
        for bad in [
            "schema = 2",
            "schema = 1\nextra = 1",
            "schema = 1\n[[route]]\nsystem = \"a\"",
            "schema = 1\n[[route]]\nsystem = \"a\"\nupstream = \"http://10.0.0.1\"",
            "schema = 1\n[[route]]\nsystem = \"a\"\nupstream = \"https://chart.example\"",
            "schema = 1\n[[route]]\nsystem = \"a\"\nupstream = \"https://chart.example\"\nca = \"x\"",
            "schema = 1\n[[route]]\nsystem = \"a\"\nupstream = \"http://127.0.0.1/path\"",
            "schema = 1\n[[route]]\nsystem = \"a\"\negress = true\nupstream = \"http://127.0.0.1\"",
            "schema = 1\n[[route]]\nsystem = \"a\"\negress = true\n[[route]]\nsystem = \"a\"\negress = true",
        ] {
            assert!(Routes::parse(bad).is_err(), "{bad}");
        }
    }
}
