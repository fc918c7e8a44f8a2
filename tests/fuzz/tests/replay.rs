//! Every target on its corpus and on seeded mutations of it: what a fuzzer ever found stays found.

use workspace_fuzz::{TARGETS, corpus, hammer, target};

const SEED: u64 = 0x5eed;

#[test]
fn every_target_has_something_good_to_begin_with() {
    for target in TARGETS {
        assert!(!corpus(target).is_empty(), "{}", target.name);
    }
}

macro_rules! replayed {
    ($($test:ident = $name:literal,)+) => {
        $(#[test]
        fn $test() {
            let target = target($name).expect("a target of this name");
            hammer(&corpus(target), target.mutations, SEED, target.run);
        })+

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),+]);
        }
    };
}

replayed! {
    tpm_evidence_ends_in_a_verdict = "evidence-tpm2",
    android_evidence_ends_in_a_verdict = "evidence-android-key",
    apple_evidence_ends_in_a_verdict = "evidence-apple-appattest",
    software_evidence_ends_in_a_verdict = "evidence-software",
    an_event_log_ends_in_a_verdict = "event-log",
    roots_and_lists_are_read_or_refused = "roots",
    a_policy_is_read_or_refused = "policy",
    a_boundary_is_read_or_refused = "boundary",
    a_pattern_is_never_wider_than_chromes = "pattern",
    foreign_lists_are_read_or_refused = "import",
    an_envelope_opens_for_nobody = "envelope",
    a_link_is_read_or_refused = "link",
    a_message_is_read_as_it_was_written = "device-api",
    a_frame_is_read_as_it_was_written = "push",
    a_leaf_has_one_encoding = "audit",
}
