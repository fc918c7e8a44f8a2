//! Video meeting: Janus and its echo call. Debian's WebKitGTK has no calls, so what must work is that people are told.

use std::{net::UdpSocket, time::Duration};

use installer::demo::browser::field;
use workspace_tests::Wrong;

use crate::{PATIENCE, bed::Bed, control::Chromium, hand::Hand, report::Row};

/// For a datagram of the control to arrive.
const ARRIVES: Duration = Duration::from_secs(20);

/// Plays it.
pub fn play(bed: &mut Bed<'_>) -> Result<Row, Wrong> {
    let mut row = Row::new("video meeting", "Janus 1.1.2 (Debian) with its echo call");
    // Where nobody on the list listens.
    let stun = UdpSocket::bind(("127.0.0.1", bed.ward.port("stun")))?;
    stun.set_read_timeout(Some(ARRIVES))?;
    notice(bed, &mut row)?;
    page(bed, &mut row)?;
    control(bed, &stun)?;
    row.stopped(
        "media to a relay on no list (STUN by UDP)",
        "the engine has no calls at all, nothing arrived at the relay; control: a datagram arrived",
    );
    Ok(row)
}

/// As the policy should say it: a meeting. Its tile is searched for and pressed.
fn notice(bed: &Bed<'_>, row: &mut Row) -> Result<(), Wrong> {
    let session = bed.open_portal()?;
    bed.scene.display.wait_drawn(PATIENCE)?;
    bed.scene.display.type_text("meet")?;
    bed.scene.display.wait_drawn(PATIENCE)?;
    bed.photograph("meeting-tile")?;
    bed.scene.display.press("Return")?;
    bed.scene.display.wait_drawn(PATIENCE)?;
    bed.end(session)?;
    bed.ward.none_asked("meet", "/")?;
    row.works(
        "a plain notice on its tile",
        "the portal's tile says it (picture); pressing it asked its server for nothing",
    );
    Ok(())
}

/// Even where an admin calls it another kind of system, or a link leads to it.
fn page(bed: &mut Bed<'_>, row: &mut Row) -> Result<(), Wrong> {
    let since = bed.site().hits();
    let mut session = bed.open_with(&bed.ward.url("meet", "/"), &[("SW_MOCK_DEVICES", "1")])?;
    let hand = Hand::on_page(&bed.scene.display, bed.site(), "meet", since)?;
    let (from, words) = (session.so_far(), hand.so_far());
    hand.press("screen")?;
    let said = hand.told(words, "screen")?;
    if said == "shown" {
        return Err("the page was shown a screen".into());
    }
    hand.press("ice")?;
    hand.says(words, "ice", "no calls")?;
    hand.press("join")?;
    hand.says(words, "devices", "audio live,video live")?;
    hand.says(words, "notice", "このブラウザではビデオ通話ができません")?;
    bed.shows("the own picture", || bed.pixels().iter().filter(|pixel| vivid(pixel)).count() > 2000)?;
    bed.photograph("meeting")?;
    let id = hand.told(since, "handle")?;
    drop(session.event_after(from, "blocked", Duration::ZERO, |event| field(event, "kind") == "permission"));
    bed.end(session)?;
    bed.ward.janus_says("a handle of its echo call", |line| line.contains(&id))?;
    row.works("signalling (wss)", "Janus made a session and a handle of its echo call, by its own log");
    row.works("camera and microphone by permission", "both live, the picture is in the window (made-up devices)");
    row.works("the page's own notice that there are no calls", "the engine has no RTCPeerConnection, the page says so");
    row.stopped("showing the screen (getDisplayMedia)", &format!("the page was told `{said}`"));
    Ok(())
}

/// A colour that neither text nor the workspace's bar has much of.
fn vivid([red, green, blue]: &[u8; 3]) -> bool {
    red.abs_diff(*green).max(green.abs_diff(*blue)).max(red.abs_diff(*blue)) > 100
}

/// The same hands in Chromium reach the relay.
fn control(bed: &Bed<'_>, stun: &UdpSocket) -> Result<(), Wrong> {
    let mut packet = [0; 1500];
    stun.set_nonblocking(true)?;
    if stun.recv_from(&mut packet).is_ok() {
        return Err("a datagram reached the relay on no list".into());
    }
    stun.set_nonblocking(false)?;
    let since = bed.site().hits();
    let chromium = Chromium::open(bed.place, "meeting", &bed.ward.url("meet", "/"))?;
    let hand = Hand::on_page(&chromium.display, bed.site(), "meet", since)?;
    hand.press("ice")?;
    hand.says(since, "ice", "asked").map_err(|error| format!("control: {error}"))?;
    stun.recv_from(&mut packet).map_err(|error| format!("control: no datagram: {error}"))?;
    Ok(())
}
