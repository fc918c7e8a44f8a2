//! Rules of a witness: what it follows, and what it raises the alarm about.

use proptest::prelude::*;
use workspace_protocol::{
    crypto::SigningKey,
    merkle::{consistency, leaf_hash, root},
    note::{checkpoint, sign_tree},
};

use super::*;

struct Log {
    key: SigningKey,
    name: NoteKey,
    root: SigningKey,
}

impl Log {
    fn new() -> Self {
        let (key, root) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let name = NoteKey::new("policy.clinic.example/audit", key.verifying_key()).unwrap();
        Self { key, name, root }
    }

    /// The log of these leaves, shown to a device that saw `seen` of them.
    fn show(&self, leaves: &[Hash], seen: usize) -> LogWord {
        let tree = Tree { size: leaves.len() as u64, root: root(leaves) };
        let checkpoint = checkpoint(&self.name, &tree, &sign_tree(&self.name, &self.key, &tree));
        LogWord { key: self.name.to_text(), checkpoint, proof: proof(leaves, seen), restart: None }
    }

    /// The same with a restart after the first `from` leaves, signed by `by`.
    fn restarted(&self, leaves: &[Hash], from: usize, version: u64, by: &SigningKey) -> LogWord {
        let document = LogRestart {
            log: self.name.to_text(),
            version: Version(version),
            size: from as u64,
            root: root(&leaves[..from]),
        };
        let statement = envelope::sign(Kind::LogRestart, &document, by).into();
        LogWord { restart: Some(Restarted { statement, proof: proof(leaves, from) }), ..self.show(leaves, 0) }
    }

    fn begin(&self, leaves: &[Hash]) -> Witness {
        Witness::begin(&self.show(leaves, 0), &self.root.verifying_key()).unwrap()
    }

    fn hear(&self, witness: &Witness, word: &LogWord) -> Result<Witness, Reason> {
        witness.hear(word, &self.root.verifying_key())
    }
}

fn proof(leaves: &[Hash], seen: usize) -> Vec<ByteBuf> {
    consistency(leaves, seen).unwrap_or_default().iter().map(|hash| hash.to_vec().into()).collect()
}

/// Leaves of which the first four are the same whatever `from` says.
fn leaves(count: u8, from: u8) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&[if n < 4 { n } else { n + from }])).collect()
}

#[test]
fn a_log_that_grows_is_followed() {
    let (log, all) = (Log::new(), leaves(40, 0));
    let mut witness = log.begin(&all[..3]);
    for size in [3, 4, 9, 9, 40] {
        let seen = usize::try_from(witness.seen().size).unwrap();
        witness = log.hear(&witness, &log.show(&all[..size], seen)).unwrap();
        assert_eq!(witness.seen().size, size as u64);
    }
}

#[test]
fn a_log_that_was_put_back_raises_the_alarm() {
    let (log, all) = (Log::new(), leaves(9, 0));
    let witness = log.begin(&all);
    for size in 1..9 {
        assert_eq!(log.hear(&witness, &log.show(&all[..size], size)), Err(Reason::LogForked), "{size}");
    }
}

#[test]
fn a_forked_log_raises_the_alarm_whatever_is_shown_as_proof() {
    let (log, ours, theirs) = (Log::new(), leaves(9, 0), leaves(12, 100));
    let witness = log.begin(&ours);
    for size in 9..=12 {
        for seen in 0..=size {
            assert_eq!(log.hear(&witness, &log.show(&theirs[..size], seen)), Err(Reason::LogForked), "{size} {seen}");
        }
    }
    assert_eq!(witness.alarm(&log.show(&theirs, 9)).seen_size, 9);
}

#[test]
fn another_key_or_name_of_the_log_raises_the_alarm() {
    let (log, all) = (Log::new(), leaves(9, 0));
    let witness = log.begin(&all);
    assert_eq!(log.hear(&witness, &Log::new().show(&all, 9)), Err(Reason::LogForked));
}

#[test]
fn a_word_that_cannot_be_read_raises_the_alarm() {
    let (log, all) = (Log::new(), leaves(9, 0));
    let witness = log.begin(&all);
    let good = log.show(&all, 9);
    assert!(log.hear(&witness, &good).is_ok());
    assert!(log.hear(&witness, &LogWord::default()).is_err());
    assert!(log.hear(&witness, &LogWord { proof: vec![vec![1; 31].into()], ..good.clone() }).is_err());
    let junk = LogWord { key: "junk".into(), ..good };
    assert!(Witness::begin(&junk, &log.root.verifying_key()).is_err());
}

#[test]
fn the_roots_word_alone_lets_a_log_go_on_from_elsewhere() {
    let (log, ours, theirs) = (Log::new(), leaves(9, 0), leaves(8, 100));
    let witness = log.begin(&ours);
    // The key that signs policies and leases is not the root's; nor is the log's own.
    for other in [&SigningKey::generate().unwrap(), &log.key] {
        let word = log.restarted(&theirs, 6, 5, other);
        assert_eq!(log.hear(&witness, &word), Err(Reason::LogForked));
    }
    let word = log.restarted(&theirs, 6, 5, &log.root);
    let gone_on = log.hear(&witness, &word).unwrap();
    assert_eq!(gone_on.seen(), Seen { size: 8, restart: Version(5), pins: Version(0) });
    // From there on the log only grows again, and the same word counts no second time.
    assert_eq!(log.hear(&gone_on, &log.restarted(&ours, 6, 5, &log.root)), Err(Reason::LogForked));
    assert!(log.hear(&gone_on, &log.show(&leaves(12, 100), 8)).is_ok());
}

#[test]
fn a_restart_is_of_one_tree_only() {
    let (log, ours, theirs, third) = (Log::new(), leaves(9, 0), leaves(8, 100), leaves(8, 150));
    let witness = log.begin(&ours);
    let word = log.restarted(&theirs, 6, 5, &log.root);
    let swapped = LogWord { restart: word.restart, ..log.show(&third, 0) };
    assert_eq!(log.hear(&witness, &swapped), Err(Reason::LogForked));
}

#[test]
fn whoever_enrolls_later_takes_no_older_restart() {
    let (log, all) = (Log::new(), leaves(9, 0));
    let witness = Witness::begin(&log.restarted(&all, 6, 5, &log.root), &log.root.verifying_key()).unwrap();
    assert_eq!(witness.seen().restart, Version(5));
    assert_eq!(log.hear(&witness, &log.restarted(&leaves(8, 100), 4, 5, &log.root)), Err(Reason::LogForked));
    let forged = log.restarted(&all, 6, 5, &log.key);
    assert_eq!(Witness::begin(&forged, &log.root.verifying_key()), Err(Reason::LogForked));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_witness_follows_a_log_exactly_if_it_begins_with_what_was_seen(
        seen in 1usize..30, more in 0usize..30, changed in prop::option::of(0usize..30),
    ) {
        let log = Log::new();
        let old: Vec<Hash> = (0..seen).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut new: Vec<Hash> = (0..seen + more).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        if let Some(at) = changed.filter(|at| *at < new.len()) {
            new[at] = leaf_hash(b"changed");
        }
        let honest = new.starts_with(&old);
        let heard = log.hear(&log.begin(&old), &log.show(&new, seen));
        prop_assert_eq!(heard.is_ok(), honest);
    }

    #[test]
    fn hostile_words_are_refused_without_panic(key: String, checkpoint: String, proof: Vec<Vec<u8>>, statement: Vec<u8>) {
        let log = Log::new();
        let witness = log.begin(&leaves(5, 0));
        let proof: Vec<ByteBuf> = proof.into_iter().map(ByteBuf::from).collect();
        let restart = Some(Restarted { statement: statement.into(), proof: proof.clone() });
        let word = LogWord { key, checkpoint, proof, restart };
        prop_assert_eq!(log.hear(&witness, &word), Err(Reason::LogForked));
    }
}
