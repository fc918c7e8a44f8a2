//! Rules of the wipe.

use proptest::prelude::*;
use workspace_protocol::ids::UnixTime;

use super::*;

const SEQ: CommandSeq = CommandSeq(4);
const REMOTE: Order = Order::Remote(SEQ);

fn command(device: DeviceId, epoch: u32, seq: u64, action: Commanded) -> Command {
    Command { device, epoch: Epoch(epoch), seq: CommandSeq(seq), action, issued_at: UnixTime(0) }
}

/// Runs a wipe to its end against a disk that takes the journal entry at the `disk`-th try.
fn run(start: WipeEvent, disk: usize) -> (WipeState, Vec<WipeAction>) {
    let (mut state, mut todo) = WipeState::Idle.step(start);
    let (mut done, mut tries) = (vec![], 0);
    while !todo.is_empty() {
        let action = todo.remove(0);
        done.push(action);
        let event = match action {
            Note(_) => {
                tries += 1;
                Some(if tries >= disk { WipeEvent::Noted } else { WipeEvent::NoteFailed })
            }
            DropCache => None,
            Send(Stage::Accepted, _) if matches!(state, WipeState::Accepting(_)) => Some(WipeEvent::AcceptedSent),
            Send(stage, _) => Some(WipeEvent::Kept(stage)),
            DestroyKeys => Some(WipeEvent::KeysGone),
            KillRoom => Some(WipeEvent::RoomGone),
            Delete => Some(WipeEvent::Deleted),
            KeepTombstone(_) => Some(WipeEvent::Receipted),
            Mark(_) => Some(WipeEvent::Marked),
        };
        if let Some(event) = event {
            let (next, more) = state.step(event);
            state = next;
            todo.extend(more);
        }
    }
    (state, done)
}

#[test]
fn a_remote_wipe_notes_accepts_destroys_kills_deletes_and_only_then_says_destroyed() {
    let (end, done) = run(WipeEvent::Ordered(REMOTE), 1);
    assert_eq!(end, WipeState::Done(REMOTE));
    let accepted = Send(Stage::Accepted, REMOTE);
    let destroyed = Send(Stage::Destroyed, REMOTE);
    assert_eq!(
        done,
        [
            Note(REMOTE),
            accepted,
            DestroyKeys,
            KillRoom,
            Delete,
            KeepTombstone(REMOTE),
            accepted,
            destroyed,
            Mark(REMOTE)
        ]
    );
}

#[test]
fn a_wipe_found_at_start_destroys_the_keys_before_any_word_to_the_server() {
    let (end, done) = run(WipeEvent::Found(REMOTE), 1);
    assert_eq!(end, WipeState::Done(REMOTE));
    assert_eq!(done.first(), Some(&DestroyKeys));
    assert!(!done.contains(&Note(REMOTE)));
}

#[test]
fn a_local_wipe_owes_nobody_a_receipt() {
    let (end, done) = run(WipeEvent::Ordered(Order::Local), 1);
    assert_eq!(end, WipeState::Done(Order::Local));
    assert_eq!(done, [Note(Order::Local), DestroyKeys, KillRoom, Delete, Mark(Order::Local)]);
}

#[test]
fn a_full_disk_costs_the_cache_first() {
    let (_, done) = run(WipeEvent::Ordered(REMOTE), 2);
    assert_eq!(done.get(..3), Some([Note(REMOTE), DropCache, Note(REMOTE)].as_slice()));
}

#[test]
fn a_disk_that_takes_no_entry_does_not_save_the_keys() {
    let (end, done) = run(WipeEvent::Ordered(REMOTE), usize::MAX);
    assert_eq!(done.get(2..4), Some([Note(REMOTE), DestroyKeys].as_slice()));
    assert_eq!(end, WipeState::Done(REMOTE));
}

#[test]
fn receipts_are_sent_again_until_kept() {
    let (owing, first) = WipeState::Idle.step(WipeEvent::FoundOwing(REMOTE));
    let (owing, again) = owing.step(WipeEvent::Resend);
    assert_eq!(first, again);
    let (owing, _) = owing.step(WipeEvent::Kept(Stage::Accepted));
    let (owing, last) = owing.step(WipeEvent::Resend);
    assert_eq!(last, [Send(Stage::Destroyed, REMOTE)]);
    assert_eq!(owing.step(WipeEvent::Kept(Stage::Destroyed)).1, [Mark(REMOTE)]);
}

#[test]
fn commands_of_another_device_epoch_or_number_do_nothing() {
    let (ours, other) = (DeviceId::random(), DeviceId::random());
    let judged = |command| judge(&command, ours, Epoch(2), CommandSeq(5));
    assert_eq!(judged(command(ours, 2, 6, Commanded::Wipe)), Verdict::Wipe(CommandSeq(6)));
    assert_eq!(judged(command(ours, 2, 6, Commanded::Lock)), Verdict::Lock(CommandSeq(6)));
    assert_eq!(judged(command(other, 2, 6, Commanded::Wipe)), Verdict::Ignore);
    assert_eq!(judged(command(ours, 2, 4, Commanded::Wipe)), Verdict::Ignore);
    assert_eq!(judged(command(ours, 2, 5, Commanded::Lock)), Verdict::Again(CommandSeq(5)));
    for epoch in [1, 3] {
        let verdict = judged(command(ours, epoch, 6, Commanded::Wipe));
        assert_eq!(verdict, Verdict::OtherEpoch { epoch: Epoch(epoch), seq: CommandSeq(6) });
    }
}

fn events() -> impl Strategy<Value = WipeEvent> {
    prop_oneof![
        Just(WipeEvent::Ordered(REMOTE)),
        Just(WipeEvent::Ordered(Order::Local)),
        Just(WipeEvent::Found(REMOTE)),
        Just(WipeEvent::FoundOwing(REMOTE)),
        Just(WipeEvent::Noted),
        Just(WipeEvent::NoteFailed),
        Just(WipeEvent::AcceptedSent),
        Just(WipeEvent::KeysGone),
        Just(WipeEvent::RoomGone),
        Just(WipeEvent::Deleted),
        Just(WipeEvent::Receipted),
        Just(WipeEvent::Kept(Stage::Accepted)),
        Just(WipeEvent::Kept(Stage::Destroyed)),
        Just(WipeEvent::Forgotten),
        Just(WipeEvent::Resend),
        Just(WipeEvent::Marked),
    ]
}

fn rank(state: WipeState) -> u8 {
    match state {
        WipeState::Idle => 0,
        WipeState::Noting { spare: false, .. } => 1,
        WipeState::Noting { spare: true, .. } => 2,
        WipeState::Accepting(_) => 3,
        WipeState::Keys(_) => 4,
        WipeState::Room(_) => 5,
        WipeState::Deleting(_) => 6,
        WipeState::Receipting(_) => 7,
        WipeState::Owing { accepted_kept: false, .. } => 8,
        WipeState::Owing { accepted_kept: true, .. } => 9,
        WipeState::Marking(_) => 10,
        WipeState::Done(_) => 11,
    }
}

proptest! {
    #[test]
    fn no_order_of_events_turns_a_wipe_back(stream in prop::collection::vec(events(), 0..60)) {
        let mut state = WipeState::Idle;
        for event in stream {
            let (next, _) = state.step(event);
            prop_assert!(rank(next) >= rank(state));
            state = next;
        }
    }

    #[test]
    fn no_order_of_events_says_destroyed_before_keys_room_and_files_are_gone(
        stream in prop::collection::vec(events(), 0..60),
    ) {
        let (mut state, mut gone) = (WipeState::Idle, (false, false, false));
        for event in stream {
            match event {
                WipeEvent::FoundOwing(_) if state == WipeState::Idle => gone = (true, true, true),
                WipeEvent::KeysGone if matches!(state, WipeState::Keys(_)) => gone.0 = true,
                WipeEvent::RoomGone if matches!(state, WipeState::Room(_)) => gone.1 = true,
                WipeEvent::Deleted if matches!(state, WipeState::Deleting(_)) => gone.2 = true,
                _ => {}
            }
            let (next, todo) = state.step(event);
            if todo.iter().any(|action| matches!(action, Send(Stage::Destroyed, _) | Mark(_))) {
                prop_assert_eq!(gone, (true, true, true));
            }
            state = next;
        }
    }
}
