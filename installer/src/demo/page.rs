//! Points at parts of a page of the collaboration system, by what the page tells its server.

use std::{path::PathBuf, time::Duration};

use crate::{
    harness::{
        display::{Display, DisplayError, SIZE},
        wait::{TimedOut, wait_for},
    },
    stack::{Seen, Spot, seen},
};

/// How long a page may take to answer a hand.
const LIMIT: Duration = Duration::from_secs(30);
/// How long one move of the pointer may take to be told.
const ONE_LOOK: Duration = Duration::from_secs(1);

/// Why a page could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The display failed.
    #[error(transparent)]
    Display(#[from] DisplayError),
    /// The page did not answer.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
}

/// A hand on the pages that report to `log`.
#[derive(Debug)]
pub struct Hand<'a> {
    display: &'a Display,
    log: PathBuf,
    /// Where the page's upper left corner lies on the display.
    corner: (i32, i32),
}

impl<'a> Hand<'a> {
    /// Moves the pointer over the page until the page's word from two places gives the same corner.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn find_page(display: &'a Display, log: PathBuf) -> Result<Self, PageError> {
        let (width, height) = (i32::from(SIZE.0), i32::from(SIZE.1));
        let mut hand = Self { display, log, corner: (0, 0) };
        hand.corner = wait_for("the page to feel the pointer", LIMIT, || {
            let one = hand.corner_seen_from(width / 2, height / 2)?;
            let other = hand.corner_seen_from(width / 3, height / 3)?;
            (one == other).then_some(one)
        })?;
        Ok(hand)
    }

    fn corner_seen_from(&self, x: i32, y: i32) -> Option<(i32, i32)> {
        let before = self.so_far();
        self.display.point(x, y).ok()?;
        let felt = wait_for("a word about the pointer", ONE_LOOK, || last_pointer(&seen(&self.log), before)).ok()?;
        Some((x - felt.0, y - felt.1))
    }

    /// Everything reported so far: a place to look from.
    #[must_use]
    pub fn so_far(&self) -> usize {
        seen(&self.log).len()
    }

    /// Waits for a report from number `from` on that `pick` accepts.
    ///
    /// # Errors
    /// [`PageError::TimedOut`].
    pub fn report<T>(&self, what: &str, from: usize, pick: impl Fn(&Seen) -> Option<T>) -> Result<T, PageError> {
        Ok(wait_for(what, LIMIT, || seen(&self.log).iter().skip(from).rev().find_map(&pick))?)
    }

    /// Waits until part `name` is reported from number `from` on.
    ///
    /// # Errors
    /// [`PageError::TimedOut`].
    pub fn spot(&self, name: &str, from: usize) -> Result<Spot, PageError> {
        self.report(&format!("{name} on the page"), from, |report| match report {
            Seen::Spot(spot) if spot.name == name => Some(spot.clone()),
            _ => None,
        })
    }

    /// Clicks `times` on a part.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn click(&self, spot: &Spot, times: u8) -> Result<(), PageError> {
        self.display.point(self.corner.0 + spot.x, self.corner.1 + spot.y)?;
        Ok(self.display.click(times)?)
    }

    /// Clicks a field and waits until it has the keyboard.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn enter(&self, name: &str) -> Result<(), PageError> {
        let spot = self.spot(name, 0)?;
        self.click(&spot, 1)?;
        let has_keyboard = || {
            seen(&self.log).iter().rev().find_map(|report| match report {
                Seen::Spot(spot) if spot.name == name => Some(spot.focus),
                _ => None,
            })
        };
        let what = format!("{name} to have the keyboard");
        Ok(wait_for(&what, LIMIT, || has_keyboard().filter(|has| *has).map(drop))?)
    }

    /// Clicks a field, types `text` and waits until the field shows it as `shown`: the engine hands keys and clicks on
    /// in two queues, so that a click at once may overtake the last key.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn fill(&self, name: &str, text: &str, shown: &str) -> Result<(), PageError> {
        self.enter(name)?;
        self.display.type_text(text)?;
        self.report(&format!("{name} to hold what was typed"), 0, |report| match report {
            Seen::Spot(spot) if spot.name == name && spot.text == shown => Some(()),
            _ => None,
        })
    }
}

fn last_pointer(reports: &[Seen], from: usize) -> Option<(i32, i32)> {
    reports.iter().skip(from).rev().find_map(|report| match report {
        Seen::Pointer { x, y, .. } => Some((*x, *y)),
        Seen::Spot(_) | Seen::Click(_) | Seen::Copy(_) | Seen::Paste => None,
    })
}
