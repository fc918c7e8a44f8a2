//! Every sentence that these modules say exists, in both languages, and says more than its own name.

use workspace_words::{Lang, text};

/// The sources that speak to people.
const SOURCES: [&str; 11] = [
    include_str!("mod.rs"),
    include_str!("doctor.rs"),
    include_str!("enroll.rs"),
    include_str!("explain.rs"),
    include_str!("pin.rs"),
    include_str!("status.rs"),
    include_str!("wipe.rs"),
    include_str!("../supervisor/mod.rs"),
    include_str!("../supervisor/report.rs"),
    include_str!("../supervisor/hub/ending.rs"),
    include_str!("../supervisor/hub/peers.rs"),
];

fn ids() -> Vec<&'static str> {
    let quoted = SOURCES.iter().flat_map(|source| source.split('"'));
    quoted.filter(|part| part.starts_with("cli-") || part.starts_with("session-")).collect()
}

#[test]
fn every_sentence_exists_in_both_languages() {
    assert!(ids().len() > 15, "the sources are searched in vain");
    for lang in Lang::ALL {
        for id in ids() {
            assert_ne!(text(lang, id, &[]), id, "{lang}: {id}");
        }
    }
}

#[test]
fn bad_links_are_told_apart_and_end_with_what_to_do() {
    let english = |id| text(Lang::En, id, &[("part", "c")]);
    assert_eq!(
        english("cli-link-other"),
        "This is not an invitation; one starts with secure-workspace://enroll?. Nothing was changed. Copy the whole \
         link from your admin."
    );
    assert_eq!(
        english("cli-link-part"),
        "The invitation is damaged (part \"c\" is missing, doubled or changed). Nothing was changed. Copy the whole \
         link again, or scan the code."
    );
    assert!(english("cli-link-too-long").ends_with("Copy the link from your admin as it is."));
}

#[test]
fn the_state_is_told_in_words() {
    let args =
        |state| [("server", "s"), ("org", "o"), ("version", "3"), ("lease", "-"), ("contact", "-"), ("state", state)];
    let english = |state| text(Lang::En, "cli-status", &args(state));
    assert_eq!(english("open"), "o (s): the workspace is open · policy 3 · lease until - · last contact -");
    assert!(english("broken").contains("the last session did not end by itself"));
    assert!(text(Lang::Ja, "cli-status", &args("closed")).contains("ワークスペースは閉じています"));
}
