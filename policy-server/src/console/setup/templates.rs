//! Systems to pick from: policy files that are part of the binary, one system each, put together into one policy.

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use workspace_policy::{Boundary, Gateway, Outside, Permission, Policy};

/// A template as checked in.
pub struct Template {
    /// The system's id.
    pub id: &'static str,
    /// The file.
    toml: &'static str,
}

macro_rules! templates {
    ($($id:literal),* $(,)?) => {
        /// All templates, in the order in which they are offered.
        pub const TEMPLATES: &[Template] = &[
            $(Template { id: $id, toml: include_str!(concat!("../../../templates/", $id, ".toml")) },)*
        ];
    };
}

templates!["mcs", "vital-link", "kanamic", "orthanc", "novnc", "chat", "oidc"];

/// Where a template's system begins; what stands before it is the same in all of them.
const SYSTEM: &str = "[[system]]";

impl Template {
    /// A note of the file's head: `#: name = value`.
    fn note(&self, name: &str) -> &'static str {
        let lines = self.toml.lines().filter_map(|line| line.strip_prefix("#: ")?.split_once(" = "));
        lines.into_iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value.trim())
    }

    /// Whether its hosts are the vendor's to confirm.
    pub fn check_with_vendor(&self) -> bool {
        self.note("vendor") == "check"
    }

    /// The host that stands for one's own, if the system is one's own.
    pub fn example_host(&self) -> Option<&'static str> {
        Some(self.note("ask")).filter(|host| !host.is_empty() && *host != "-")
    }

    /// The file read as a policy.
    pub fn policy(&self) -> Option<Policy> {
        Policy::parse(self.id, self.toml).ok()
    }

    fn head(&self) -> &'static str {
        let from = self.toml.find("schema = ").unwrap_or(0);
        let to = self.toml.find(SYSTEM).unwrap_or(self.toml.len());
        self.toml.get(from..to).unwrap_or_default()
    }

    fn system(&self) -> &'static str {
        self.toml.find(SYSTEM).and_then(|at| self.toml.get(at..)).unwrap_or_default()
    }
}

/// A host that somebody wrote: a name with a dot, nothing else.
pub fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

/// One policy of the picked templates, each with the host that takes the place of its example.
pub fn compose(picked: &[(&Template, Option<&str>)]) -> String {
    let mut toml = picked.first().map(|(template, _)| template.head()).unwrap_or_default().to_owned();
    for (template, host) in picked {
        let system = match (template.example_host(), host) {
            (Some(example), Some(host)) => template.system().replace(example, host),
            _ => template.system().to_owned(),
        };
        toml.push_str(&system);
        toml.push('\n');
    }
    toml
}

/// The narrowest boundary that admits `policy` and everything that `held` admits.
pub fn boundary_for(policy: &Policy, held: Option<&Boundary>) -> String {
    let mut allow: Vec<String> = held.iter().flat_map(|one| one.patterns()).map(ToString::to_string).collect();
    let mut permissions: Vec<Permission> = held.map(|one| one.permissions().to_vec()).unwrap_or_default();
    let nothing = Boundary::parse("nothing", NOTHING).ok();
    let wanted = held.or(nothing.as_ref()).map_or_else(Vec::new, |from| from.admits(policy).err().unwrap_or_default());
    for outside in wanted {
        match outside {
            Outside::Entry { pattern, .. } if !allow.contains(&pattern) => allow.push(pattern),
            Outside::Permission { permission, .. } if !permissions.contains(&permission) => {
                permissions.push(permission)
            }
            Outside::Entry { .. }
            | Outside::Permission { .. }
            | Outside::Lease { .. }
            | Outside::Attestation { .. }
            | Outside::Gateway { .. } => {}
        }
    }
    let day = 24 * 3600;
    let lease = held.map_or(day, |one| one.lease_max().as_secs()).max(policy.session().lease.as_secs());
    let quoted = |all: Vec<String>| all.iter().map(|one| format!("  \"{one}\",\n")).collect::<String>();
    let permissions = permissions.iter().map(ToString::to_string).collect();
    let least = held.map(Boundary::attestation_minimum).filter(|least| policy.attestation().satisfies(*least));
    let mut toml = format!(
        "schema = 1\nallow = [\n{}]\nlease_max = \"{lease}s\"\nattestation_minimum = \"{}\"\npermissions = [\n{}]\n",
        quoted(allow),
        least.unwrap_or(policy.attestation()).word(),
        quoted(permissions),
    );
    for gateway in held.iter().flat_map(|one| one.gateways()) {
        toml.push_str(&gateway_section(gateway));
    }
    toml
}

/// A gateway as a boundary names it.
fn gateway_section(gateway: &Gateway) -> String {
    let pins: Vec<_> = gateway.pins.iter().map(|pin| format!("\"sha256/{}\"", B64.encode(pin))).collect();
    let pins = if pins.is_empty() { String::new() } else { format!("pins = [{}]\n", pins.join(", ")) };
    format!("\n[[gateway]]\naddress = \"{gateway}\"\n{pins}")
}

const NOTHING: &str =
    "schema = 1\nallow = []\nlease_max = \"24h\"\nattestation_minimum = \"software\"\npermissions = []\n";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_template_is_a_good_policy_of_one_system_named_as_its_file() {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates"));
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), TEMPLATES.len(), "a template that is not offered");
        for template in TEMPLATES {
            let policy = Policy::parse(template.id, template.toml).unwrap();
            assert_eq!(policy.systems().len(), 1, "{}", template.id);
            assert_eq!(policy.systems().first().unwrap().id, template.id);
            assert_eq!(template.head(), TEMPLATES.first().unwrap().head(), "{}", template.id);
            assert!(template.check_with_vendor() != template.example_host().is_some(), "{}", template.id);
        }
    }

    #[test]
    fn what_is_picked_becomes_one_good_policy_inside_the_boundary_made_for_it() {
        let all: Vec<_> = TEMPLATES.iter().map(|one| (one, one.example_host().map(|_| "own.kango.jp"))).collect();
        let toml = compose(&all);
        let policy = Policy::parse("composed", &toml).unwrap();
        assert_eq!(policy.systems().len(), TEMPLATES.len());
        assert!(!toml.contains("clinic.example"));
        let boundary = Boundary::parse("boundary", &boundary_for(&policy, None)).unwrap();
        assert_eq!(boundary.admits(&policy), Ok(()));
    }

    #[test]
    fn a_boundary_keeps_what_it_admits_already() {
        let held = "schema = 1\nallow = [\"care.example\"]\nlease_max = \"12h\"\nattestation_minimum = \"software\"\n\
                    permissions = [\"print\"]\n[[gateway]]\naddress = \"gw.clinic.test:8444\"\n\
                    pins = [\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]\n";
        let held = Boundary::parse("held", held).unwrap();
        let policy = TEMPLATES.first().unwrap().policy().unwrap();
        let wider = boundary_for(&policy, Some(&held));
        assert!(wider.contains("\"care.example\"") && wider.contains("\"print\"") && wider.contains("\"43200s\""));
        let wider = Boundary::parse("wider", &wider).unwrap();
        assert_eq!((wider.admits(&policy), wider.gateways()), (Ok(()), held.gateways()));
    }

    #[test]
    fn a_host_is_a_name_and_nothing_that_could_end_a_string() {
        for good in ["orthanc.clinic.jp", "a.b", "xn--bcher-kva.example"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "localhost", "a.b\"", "a.b\n", "https://a.b", "a..b", "-a.b", "a.b/c", "a.b:8", "*.a.b"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
