//! Why a page is not shown, as the problem page tells it.

use url::Url;
use workspace_protocol::reason::Reason;

/// A page that is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What was asked for; shown without query and fragment.
    pub url: String,
    /// What kept it from being shown.
    pub cause: Cause,
    /// Nearest rule of the policy, if a rule refused it.
    pub rule: Option<String>,
    /// The admin was asked already.
    pub asked: bool,
}

/// What kept a page from being shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rule refused it, or it could not be reached.
    Refused(Reason),
    /// The engine gave up without a reason that we know.
    LoadFailed,
    /// The page's process ended.
    Crashed,
}

/// What kind of page the person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A rule stopped it; the admin may allow it.
    Stopped,
    /// A rule stopped it and no wish changes that.
    Forbidden,
    /// It may work at the next try.
    Unreachable,
    /// The page's process ended.
    Crashed,
}

impl Problem {
    /// A refusal for `reason`, naming the rule if there is one.
    #[must_use]
    pub fn refused(url: &str, reason: Reason, rule: Option<String>) -> Self {
        Self { url: url.to_owned(), cause: Cause::Refused(reason), rule, asked: false }
    }

    /// A load that failed or a page that crashed.
    #[must_use]
    pub fn of(url: &str, cause: Cause) -> Self {
        Self { url: url.to_owned(), cause, rule: None, asked: false }
    }

    /// How to present it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.cause {
            Cause::Refused(reason) => class_of(reason),
            Cause::LoadFailed => Class::Unreachable,
            Cause::Crashed => Class::Crashed,
        }
    }

    /// The host as it was asked for (A-labels), or the scheme if there is no host.
    #[must_use]
    pub fn host(&self) -> String {
        match Url::parse(&self.url) {
            Ok(url) => url.host_str().map_or_else(|| format!("{}:", url.scheme()), str::to_owned),
            Err(_) => "?".to_owned(),
        }
    }

    /// The address without query, fragment and user name.
    #[must_use]
    pub fn address(&self) -> String {
        bare_address(&self.url)
    }
}

/// `url` without query, fragment, user name and password; never longer than 300 characters.
#[must_use]
pub fn bare_address(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "?".to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that have no place for them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.cannot_be_a_base() {
        return format!("{}:", url.scheme());
    }
    url.as_str().chars().take(300).collect()
}

fn class_of(reason: Reason) -> Class {
    match reason {
        Reason::OriginNotListed
        | Reason::PathNotListed
        | Reason::SchemeNotListed
        | Reason::PortNotListed
        | Reason::ResourceKind => Class::Stopped,
        Reason::HostUnknown
        | Reason::HostUnreachable
        | Reason::GatewayUnreachable
        | Reason::GatewayRefused
        | Reason::ServerUnreachable
        | Reason::ServerBusy
        | Reason::RateLimited => Class::Unreachable,
        _ => Class::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_list_refused_may_be_asked_for() {
        let class = |reason| Problem::refused("https://a.jp/", reason, None).class();
        assert_eq!(class(Reason::OriginNotListed), Class::Stopped);
        assert_eq!(class(Reason::SchemeNever), Class::Forbidden);
        assert_eq!(class(Reason::TlsUntrusted), Class::Forbidden);
        assert_eq!(class(Reason::HostUnreachable), Class::Unreachable);
        assert_eq!(Problem::of("https://a.jp/", Cause::Crashed).class(), Class::Crashed);
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_private() {
        assert_eq!(bare_address("https://me:pw@a.jp/p?patient=1#x"), "https://a.jp/p");
        assert_eq!(bare_address("mailto:a@b.jp"), "mailto:");
        assert_eq!(bare_address("data:text/html,secret"), "data:");
        assert_eq!(bare_address("not a url"), "?");
    }

    #[test]
    fn the_host_is_the_one_that_was_asked_for() {
        let problem = |url| Problem::of(url, Cause::LoadFailed);
        assert_eq!(problem("https://ÄRZTE.example/").host(), "xn--rzte-koa.example");
        assert_eq!(problem("tel:119").host(), "tel:");
        assert_eq!(problem("%").host(), "?");
    }
}
