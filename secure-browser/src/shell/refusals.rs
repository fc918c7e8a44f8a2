//! What is said about a refusal: to the supervisor, and to the person in front of the screen. Pure.

use workspace_protocol::reason::Reason;

use crate::{
    ipc::{Blocked, FromUi},
    portal::problem::{Cause, Problem, bare_address},
};

use super::{event::Refusal, words::Words};

/// What the supervisor hears of a page that is not shown.
pub fn told(problem: &Problem) -> FromUi {
    let failed = |cause: &str| FromUi::Failed { url: bare_address(&problem.url), cause: cause.to_owned() };
    match problem.cause {
        Cause::Refused(reason) => report(&problem.url, "document", reason),
        Cause::LoadFailed => failed("load"),
        Cause::Crashed => failed("crash"),
    }
}

/// The frame that tells the supervisor; without query and fragment.
pub fn report(url: &str, kind: &str, reason: Reason) -> FromUi {
    FromUi::Blocked(Blocked { url: bare_address(url), kind: kind.to_owned(), reason })
}

/// The sentence for a refusal that leaves the page where it is.
pub fn sentence(refusal: &Refusal, words: &Words) -> String {
    let host = Problem::refused(&refusal.url, refusal.reason, None).host();
    match refusal.reason {
        Reason::DownloadBlocked => words.get("ui-notice-download"),
        Reason::UploadBlocked => words.get("ui-notice-upload"),
        Reason::AuthBlocked => words.get("ui-notice-auth"),
        Reason::CameraMissing => words.get("ui-notice-camera"),
        Reason::PasteBlocked => words.get("ui-notice-paste-blocked"),
        Reason::PasteNothing => words.get("ui-notice-paste-nothing"),
        Reason::PrintBlocked => words.get("ui-notice-print"),
        Reason::WindowBlocked => words.get("ui-notice-window"),
        Reason::PermissionBlocked => words.with("ui-notice-permission", &[("host", &host)]),
        other => words.with("ui-notice-blocked", &[("host", &host), ("code", other.code())]),
    }
}

/// A process that ended for its size, which `too_large` says once, is told as such.
pub fn of_size(problem: Problem, too_large: &mut bool) -> Problem {
    if problem.cause == Cause::Crashed && std::mem::take(too_large) {
        return Problem { cause: Cause::Refused(Reason::MemoryExceeded), ..problem };
    }
    problem
}

/// Whether `old` explains the same address already, and better than `new` does.
pub fn says_more(old: &Problem, new: &Problem) -> bool {
    let explained = matches!(old.cause, Cause::Refused(_)) && new.cause == Cause::LoadFailed;
    explained && old.address() == new.address()
}

#[cfg(test)]
mod tests {
    use super::*;
    use workspace_words::Lang;

    #[test]
    fn every_refusal_has_a_sentence_and_none_quotes_the_query() {
        let words = Words::default();
        for lang in Lang::ALL {
            words.set(lang);
            for reason in Reason::ALL {
                let url = "https://a.example/p?name=tanaka".to_owned();
                let said = sentence(&Refusal { url, kind: "frame", reason: *reason }, &words);
                assert!(!said.starts_with("ui-") && !said.contains("tanaka"), "{reason}: {said}");
            }
        }
    }

    #[test]
    fn the_supervisor_is_not_told_the_query() {
        let FromUi::Blocked(told) =
            report("https://u:p@a.example/p?name=tanaka#x", "document", Reason::OriginNotListed)
        else {
            panic!("another frame")
        };
        assert_eq!(told.url, "https://a.example/p");
    }

    #[test]
    fn only_the_process_that_ends_next_is_told_as_too_large() {
        let crash = || Problem::of("https://a.example/", Cause::Crashed);
        let mut too_large = true;
        let failed = of_size(Problem::of("https://a.example/", Cause::LoadFailed), &mut too_large);
        assert_eq!((failed.cause, too_large), (Cause::LoadFailed, true));
        assert_eq!(of_size(crash(), &mut too_large).cause, Cause::Refused(Reason::MemoryExceeded));
        assert_eq!(of_size(crash(), &mut too_large).cause, Cause::Crashed);
    }

    #[test]
    fn a_known_reason_is_not_replaced_by_a_failed_load() {
        let (url, other) = ("https://a.example/p?x=1", "https://b.example/");
        let known = Problem::refused(url, Reason::HostUnreachable, None);
        assert!(says_more(&known, &Problem::of(url, Cause::LoadFailed)));
        assert!(!says_more(&known, &Problem::of(other, Cause::LoadFailed)));
        assert!(!says_more(&known, &Problem::refused(url, Reason::TlsUntrusted, None)));
        assert!(!says_more(&Problem::of(url, Cause::LoadFailed), &known));
    }
}
