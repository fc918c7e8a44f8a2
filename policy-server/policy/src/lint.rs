//! What is right by the rules of a policy file but rarely what its writer meant.

use std::net::IpAddr;

use crate::{
    Kind, Request,
    document::{Entry, Network, Policy, System, TrustRule, Upload},
    pattern::Pattern,
};

/// One remark about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Line in the file, from 1; 0 for the policy or system as a whole.
    pub line: usize,
    /// The system's id; empty for the policy as a whole.
    pub system: String,
    /// Stable name of the remark.
    pub code: &'static str,
    /// What it means and what to write instead.
    pub message: String,
}

impl Policy {
    /// Every remark, in the order of the file.
    #[must_use]
    pub fn lints(&self) -> Vec<Lint> {
        let mut lints = self.general_lints();
        for system in self.systems() {
            lints.extend(self.system_lints(system));
            for (at, entry) in system.allow.iter().enumerate() {
                lints.extend(entry_lints(system, entry));
                lints.extend(redundant(system, at, entry));
            }
        }
        lints
    }

    fn general_lints(&self) -> Vec<Lint> {
        let remark = |code, message: &str| Lint { line: 0, system: String::new(), code, message: message.to_owned() };
        let mut lints = Vec::new();
        if self.systems().is_empty() {
            lints.push(remark("systems.none", "no system is listed: nothing can be opened"));
        }
        if self.screen().capture_allowed {
            lints.push(remark(
                "screen.capture",
                "capture of the screen is allowed: pages can be photographed by any program",
            ));
        }
        if self.clipboard().paste_in {
            lints.push(remark("clipboard.paste-in", "the device's clipboard can be pasted into the workspace"));
        }
        if self.session().lease.as_secs() > 24 * 3600 {
            lints.push(remark("session.lease", "a lost device that stays offline keeps working for more than a day"));
        }
        lints
    }

    fn system_lints(&self, system: &System) -> Vec<Lint> {
        let remark = |code, message: String| Lint { line: 0, system: system.id.clone(), code, message };
        let mut lints = Vec::new();
        let start = self.decide(&Request { url: &system.start, kind: Kind::Document });
        match start {
            Err(denied) => {
                lints.push(remark(
                    "start.not-allowed",
                    format!("its own tile leads to a page it does not allow ({denied})"),
                ));
            }
            Ok(allowed) if allowed.system().id != system.id => {
                let other = &allowed.system().id;
                lints.push(remark("start.other-system", format!("its tile leads to a page of system '{other}'")));
            }
            Ok(_) => {}
        }
        if system.network.by_gateway() && self.gateway().is_none() {
            let message = "cannot be opened: the policy has no [gateway] that says where the access gateway is";
            lints.push(remark("network.gateway", message.to_owned()));
        }
        if system.network == Network::Gateway && system.trust == TrustRule::PassThrough {
            let message = "cannot be opened: the gateway reads what it passes on; write network = \"egress\"";
            lints.push(remark("trust.gateway", message.to_owned()));
        }
        if system.trust == TrustRule::PassThrough && system.sign {
            let message = "sign has no effect: requests that nobody reads are not signed";
            lints.push(remark("sign.pass-through", message.to_owned()));
        }
        if system.print {
            let message = "printing is not available on Linux yet: the device refuses it and says so on the tile";
            lints.push(remark("print.unavailable", message.to_owned()));
        }
        if system.upload == Upload::Camera {
            let message = "pictures from a camera are not available on Linux yet: the device refuses every upload and \
                           says so; write upload = \"files\" for files from the hand-over folder";
            lints.push(remark("upload.camera-unavailable", message.to_owned()));
        }
        if system.trust == TrustRule::PassThrough {
            let message = "TLS is not opened: paths, resource kinds, downloads and uploads cannot be judged";
            lints.push(remark("trust.pass-through", message.to_owned()));
        }
        lints
    }
}

fn entry_lints(system: &System, entry: &Entry) -> Vec<Lint> {
    let pattern = &entry.pattern;
    let checks = [
        clear_text(pattern),
        single_label(pattern),
        path(pattern),
        other_letters(pattern),
        private_address(pattern, system.network),
        pass_through(entry, &system.trust),
    ];
    let lint = |(code, message)| Lint { line: entry.line, system: system.id.clone(), code, message };
    checks.into_iter().flatten().map(lint).collect()
}

type Remark = Option<(&'static str, String)>;

fn clear_text(pattern: &Pattern) -> Remark {
    let scheme = pattern.scheme().filter(|scheme| !scheme.is_secure())?;
    Some(("scheme.clear-text", format!("'{pattern}': {} can be read and changed on the way", scheme.name())))
}

fn single_label(pattern: &Pattern) -> Remark {
    let host = pattern.host();
    let short = host.below() && !host.as_str().contains('.');
    short.then(|| {
        ("host.single-label", format!("'{pattern}': every name that ends in '.{}' is allowed as well", host.as_str()))
    })
}

fn path(pattern: &Pattern) -> Remark {
    let path = pattern.path()?;
    let remark = |code, text: &str| Some((code, format!("'{pattern}': {text}")));
    if path == "/" {
        return remark("path.root", "leave the '/' out: with a path, addresses with '//' or %2f are refused");
    }
    if path.contains('*') {
        return remark("path.star", "a path is a beginning already; '*' stands for nothing but itself");
    }
    if !path.ends_with('/') {
        return remark(
            "path.no-slash",
            "allows this page and what is below it; end it with '/' for the part below alone",
        );
    }
    None
}

fn other_letters(pattern: &Pattern) -> Remark {
    let shown = pattern.unicode_host()?;
    Some((
        "host.idn",
        format!("'{}' is signed as '{}'; check that both are the host you mean", shown, pattern.host().as_str()),
    ))
}

fn private_address(pattern: &Pattern, network: Network) -> Remark {
    let address = pattern.host().as_str().trim_matches(['[', ']']).parse::<IpAddr>().ok()?;
    let private = match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    let refused = private && network == Network::Public;
    refused.then(|| ("network.private", format!("'{pattern}': refused unless the system says network = \"private\"")))
}

fn pass_through(entry: &Entry, trust: &TrustRule) -> Remark {
    let narrowed = entry.pattern.is_narrowed() || entry.kinds != crate::Kinds::ALL;
    let dead = *trust == TrustRule::PassThrough && narrowed;
    dead.then(|| {
        ("trust.pass-through", format!("'{}': never dialled, since nobody can see path or kind", entry.pattern))
    })
}

/// An entry that another of the same system makes needless.
fn redundant(system: &System, at: usize, entry: &Entry) -> Option<Lint> {
    let covers = |wide: &Entry, narrow: &Entry| wide.kinds == narrow.kinds && covers_pattern(wide, narrow);
    // An entry of another kind in between makes this one count again.
    if system.allow.iter().any(|wide| wide.kinds != entry.kinds && covers_pattern(wide, entry)) {
        return None;
    }
    let other = system.allow.iter().enumerate().find(|(other_at, other)| {
        // Of two that say the same, the later one is needless.
        *other_at != at && covers(other, entry) && (*other_at < at || !covers(entry, other))
    });
    let (_, other) = other?;
    Some(Lint {
        line: entry.line,
        system: system.id.clone(),
        code: "entry.redundant",
        message: format!("'{}' allows nothing that '{}' does not", entry.pattern, other.pattern),
    })
}

fn covers_pattern(wide: &Entry, narrow: &Entry) -> bool {
    narrow.pattern.schemes().all(|scheme| wide.pattern.covers(&narrow.pattern, scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_cannot_do_yet_is_remarked() {
        let with = |keys: &str| {
            let toml = format!(
                "schema = 1\nname = \"x\"\n[[system]]\nid = \"a\"\ntitle = {{ ja = \"x\", en = \"x\" }}\n\
                 kind = \"other\"\nstart = \"https://a.example.jp/\"\nallow = [\"a.example.jp\"]\n{keys}\n"
            );
            let lints = Policy::parse("x.toml", &toml).map(|policy| policy.lints()).unwrap_or_default();
            lints.into_iter().map(|lint| lint.code).collect::<Vec<_>>()
        };
        assert_eq!(with("print = true"), ["print.unavailable"]);
        assert_eq!(with("upload = \"camera\""), ["upload.camera-unavailable"]);
        assert!(with("upload = \"files\"\nprint = false").is_empty());
    }
}
