//! Rules of the session.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { lock_after_ms: 1_000, wipe_after_ms: 5_000 };

fn t(millis: u64) -> Tick {
    Tick::from_millis(millis)
}

fn open() -> Session {
    let (proving, todo) = Session::Asking.step(Event::Pin, t(0));
    assert_eq!(todo, [Action::Prove]);
    let (open, todo) = proving.step(Event::Admitted(LIMITS), t(0));
    assert_eq!(todo, [Action::Open]);
    open
}

fn covered() -> Session {
    open().step(Event::LockWished, t(0)).0
}

#[test]
fn an_idle_session_is_covered_and_then_ended() {
    let (covered, todo) = open().step(Event::Looked, t(1_000));
    assert_eq!(todo.first(), Some(&Action::Cover(Reason::SessionIdle)));
    assert!(!covered.is_open());
    let (_, todo) = covered.step(Event::Looked, t(5_000));
    assert_eq!(todo, [Action::Erase(Cause::Idle)]);
}

#[test]
fn activity_keeps_an_open_session_and_not_a_covered_one() {
    let (active, _) = open().step(Event::Active, t(900));
    assert!(active.step(Event::Looked, t(1_800)).0.is_open());
    let (still, _) = covered().step(Event::Active, t(4_900));
    assert_eq!(still.step(Event::Looked, t(5_000)).1, [Action::Erase(Cause::Idle)]);
}

#[test]
fn a_covered_session_comes_back_by_the_pin_only() {
    let (checking, todo) = covered().step(Event::Pin, t(10));
    assert_eq!(todo, [Action::Prove]);
    let (back, todo) = checking.step(Event::Admitted(LIMITS), t(20));
    assert_eq!(todo, [Action::Resume]);
    assert!(back.is_open());
    assert!(!covered().step(Event::Admitted(LIMITS), t(20)).0.is_open());
}

#[test]
fn a_cover_that_comes_while_the_pin_is_checked_stays() {
    let (checking, _) = covered().step(Event::Pin, t(10));
    let (covered, _) = checking.step(Event::Cover(Reason::DeviceLocked), t(11));
    assert!(!covered.step(Event::Admitted(LIMITS), t(12)).0.is_open());
}

#[test]
fn a_wrong_pin_is_asked_again_where_somebody_can_answer() {
    let (proving, _) = Session::Asking.step(Event::Pin, t(0));
    let wrong = |can_ask| Event::Refused { reason: Reason::PinWrong, tries_left: Some(3), can_ask };
    let (asking, todo) = proving.step(wrong(true), t(0));
    assert_eq!(asking, Session::Asking);
    assert_eq!(todo, [Action::Ask { reason: Some(Reason::PinWrong), tries_left: Some(3) }]);
    assert_eq!(proving.step(wrong(false), t(0)).1, [Action::Erase(Cause::Refused(Reason::PinWrong))]);
}

#[test]
fn a_wiped_device_ends_as_remotely_wiped() {
    let (proving, _) = Session::Asking.step(Event::Pin, t(0));
    let refused = Event::Refused { reason: Reason::DeviceWiped, tries_left: None, can_ask: true };
    assert_eq!(proving.step(refused, t(0)).1, [Action::Erase(Cause::Remote)]);
}

#[test]
fn a_remote_wipe_outweighs_every_other_cause() {
    let (wiping, _) = open().step(Event::End(Cause::Close), t(0));
    let (wiping, todo) = wiping.step(Event::End(Cause::Remote), t(0));
    assert_eq!(todo, []);
    assert_eq!(wiping.step(Event::Erased, t(0)).1, [Action::Finish(Cause::Remote)]);
}

#[test]
fn a_shorter_idle_time_in_a_new_policy_counts_at_once() {
    let shorter = Limits { lock_after_ms: 100, wipe_after_ms: 200 };
    assert_eq!(open().step(Event::NewLimits(shorter), t(300)).1, [Action::Erase(Cause::Idle)]);
}

#[test]
fn exit_codes_tell_the_causes_apart() {
    let codes: Vec<u8> = [Cause::Exit, Cause::Close, Cause::Idle, Cause::Remote, Cause::Lease, Cause::Broken]
        .into_iter()
        .map(Cause::exit_code)
        .collect();
    assert_eq!(codes, [0, 0, 0, 10, 11, 12]);
    assert_eq!(Cause::Refused(Reason::ServerUnreachable).exit_code(), 3);
    assert_eq!(Cause::Refused(Reason::PinWrong).exit_code(), 1);
}

fn events() -> impl Strategy<Value = Event> {
    let causes = prop_oneof![
        Just(Cause::Exit),
        Just(Cause::Close),
        Just(Cause::Lease),
        Just(Cause::Remote),
        Just(Cause::Broken)
    ];
    let reasons = prop::sample::select(Reason::ALL.to_vec());
    prop_oneof![
        4 => Just(Event::Pin),
        4 => Just(Event::Admitted(LIMITS)),
        2 => (reasons.clone(), any::<bool>())
            .prop_map(|(reason, can_ask)| Event::Refused { reason, tries_left: None, can_ask }),
        2 => Just(Event::Active),
        2 => Just(Event::Looked),
        1 => reasons.prop_map(Event::Cover),
        1 => Just(Event::LockWished),
        1 => causes.prop_map(Event::End),
        1 => Just(Event::Erased),
        1 => Just(Event::NewLimits(LIMITS)),
    ]
}

proptest! {
    #[test]
    fn every_walk_erases_before_it_finishes_and_never_comes_back(
        walk in prop::collection::vec((events(), 0u64..2_000), 0..60),
    ) {
        let (mut session, mut now, mut erased) = (Session::Asking, 0, false);
        for (event, passed) in walk {
            now += passed;
            let was = session;
            let (next, todo) = session.step(event, t(now));
            for action in &todo {
                match action {
                    Action::Erase(_) => { prop_assert!(!erased); erased = true; }
                    Action::Finish(_) => prop_assert!(erased && event == Event::Erased),
                    Action::Open | Action::Resume => {
                        prop_assert!(matches!(event, Event::Admitted(_)) && !erased);
                        prop_assert!(matches!(was, Session::Proving | Session::Reproving(_)));
                    }
                    Action::Ask { .. } | Action::Prove | Action::Cover(_) => prop_assert!(!erased),
                }
            }
            if erased { prop_assert!(matches!(next, Session::Wiping(_) | Session::Wiped(_))); }
            session = next;
        }
    }

    #[test]
    fn no_session_is_open_past_its_idle_times(passed in 0u64..10_000) {
        let (next, _) = open().step(Event::Looked, t(passed));
        prop_assert_eq!(next.is_open(), passed < LIMITS.lock_after_ms);
    }
}

#[test]
fn a_lent_device_asks_the_next_person_unless_it_was_told_to_end() {
    for (cause, opened, closed) in [
        (Cause::Close, true, true),
        (Cause::Idle, true, true),
        (Cause::Lease, true, false),
        (Cause::Broken, true, false),
        (Cause::Memory, true, false),
        (Cause::Exit, false, false),
        (Cause::Remote, false, false),
        (Cause::Refused(Reason::DeviceRetired), false, false),
    ] {
        let found = (cause.leaves_room_for_the_next(true), cause.leaves_room_for_the_next(false));
        assert_eq!(found, (opened, closed), "{cause:?}");
    }
}
