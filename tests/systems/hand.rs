//! A person's hand on a page that tells its server where its parts are.

use std::time::Duration;

use installer::harness::{
    display::{Display, SIZE},
    wait::{wait_for, wait_until},
};
use url::form_urlencoded;
use workspace_tests::{Site, Wrong};

use crate::PATIENCE;

/// How long one move of the pointer may take to be told.
const ONE_LOOK: Duration = Duration::from_secs(1);

/// A part of a page, in pixels of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its middle, from the left.
    pub x: i32,
    /// Its middle, from the top.
    pub y: i32,
    /// Its width.
    pub width: i32,
    /// Its height.
    pub height: i32,
    /// Whether it has the keyboard.
    pub focus: bool,
}

/// A hand on the pages of one system.
pub struct Hand<'a> {
    pub display: &'a Display,
    site: &'a Site,
    system: &'static str,
    /// Number of the first word that counts: earlier ones are of other windows.
    since: usize,
    /// Where the page's upper left corner lies on the display.
    corner: (i32, i32),
}

impl<'a> Hand<'a> {
    /// Moves the pointer over the page until its word from two places gives the same corner. What was told before number
    /// `since` is passed over.
    pub fn on_page(display: &'a Display, site: &'a Site, system: &'static str, since: usize) -> Result<Self, Wrong> {
        let (width, height) = (i32::from(SIZE.0), i32::from(SIZE.1));
        let mut hand = Self { display, site, system, since, corner: (0, 0) };
        let mut last = String::new();
        let found = wait_for("the page to feel the pointer", PATIENCE, || {
            let places = [(width / 2, height / 2), (width / 3, height / 3)];
            match places.map(|(x, y)| hand.corner_seen_from(x, y)) {
                [Ok(one), Ok(other)] if one == other => Some(one),
                [one, other] => {
                    last = format!("{one:?} {other:?}");
                    None
                }
            }
        });
        hand.corner = found.map_err(|error| format!("{error}: {last}"))?;
        Ok(hand)
    }

    fn corner_seen_from(&self, x: i32, y: i32) -> Result<(i32, i32), Wrong> {
        let from = self.so_far();
        self.display.point(x, y)?;
        let felt = self.told_within(from, "pointer", ONE_LOOK)?;
        let (left, top) = felt.split_once(',').ok_or("no two numbers")?;
        let pixels = |text: &str| text.parse::<f64>().map(|number| number.round() as i32);
        Ok((x - pixels(left)?, y - pixels(top)?))
    }

    /// Words so far: a place to look from.
    pub fn so_far(&self) -> usize {
        self.site.hits()
    }

    /// Waits for what the page tells of `what`, from word number `from` on.
    pub fn told(&self, from: usize, what: &str) -> Result<String, Wrong> {
        self.told_within(from, what, PATIENCE)
    }

    fn told_within(&self, from: usize, what: &str, limit: Duration) -> Result<String, Wrong> {
        let prefix = format!("/told/{}/{what}/", self.system);
        let (_, rest) = self.site.asked(from, &prefix, limit)?;
        Ok(decoded(&rest))
    }

    /// Everything the page told of `what`, from word number `from` on.
    pub fn all_told(&self, from: usize, what: &str) -> Vec<String> {
        let prefix = format!("/told/{}/{what}/", self.system);
        let paths = self.site.paths().into_iter().skip(from);
        paths.filter_map(|path| path.strip_prefix(&prefix).map(decoded)).collect()
    }

    /// Waits until the page tells exactly `text` of `what`.
    pub fn says(&self, from: usize, what: &str, text: &str) -> Result<(), Wrong> {
        self.tells(from, what, &format!("`{text}`"), |said| said == text).map(drop)
    }

    /// Waits until the page tells something of `what` that `fits`.
    pub fn tells(&self, from: usize, what: &str, wish: &str, fits: impl Fn(&str) -> bool) -> Result<String, Wrong> {
        let found = wait_for(&format!("{what} to be {wish}"), PATIENCE, || {
            self.all_told(from, what).into_iter().find(|said| fits(said))
        });
        found.map_err(|error| format!("{error}; told: {:?}", self.all_told(from, what)).into())
    }

    /// Where part `name` of the page lies now.
    pub fn spot(&self, name: &str) -> Result<Spot, Wrong> {
        Ok(wait_for(&format!("{name} on the page"), PATIENCE, || self.last_spot(name))?)
    }

    fn last_spot(&self, name: &str) -> Option<Spot> {
        let told = self.all_told(self.since, "spot");
        let numbers = told.iter().rev().find_map(|said| said.strip_prefix(name)?.strip_prefix(':'))?;
        let mut numbers = numbers.split(',').map(str::parse::<i32>);
        let mut next = || numbers.next()?.ok();
        Some(Spot { x: next()?, y: next()?, width: next()?, height: next()?, focus: next()? == 1 })
    }

    /// Where a place lies on the display: the middle of part `name`, moved by `by`.
    pub fn place(&self, name: &str, by: (i32, i32)) -> Result<(i32, i32), Wrong> {
        let spot = self.spot(name)?;
        Ok((self.corner.0 + spot.x + by.0, self.corner.1 + spot.y + by.1))
    }

    /// Presses part `name` with the left button.
    pub fn press(&self, name: &str) -> Result<(), Wrong> {
        let (x, y) = self.place(name, (0, 0))?;
        self.display.point(x, y)?;
        Ok(self.display.click(1)?)
    }

    /// Presses a field and waits until it has the keyboard.
    pub fn enter(&self, name: &str) -> Result<(), Wrong> {
        self.press(name)?;
        let has_keyboard = || self.last_spot(name).is_some_and(|spot| spot.focus);
        Ok(wait_until(&format!("{name} to have the keyboard"), PATIENCE, has_keyboard)?)
    }

    /// Drags with `button` from the middle of part `name`, moved by each of `stops`; lets go at the last.
    pub fn drag(&self, button: &str, name: &str, stops: &[(i32, i32)]) -> Result<(), Wrong> {
        let mut held = false;
        for by in stops {
            let (x, y) = self.place(name, *by)?;
            let from = self.so_far();
            self.display.point(x, y)?;
            // As slow as a person: an engine that is busy takes only the last of many moves. Not every place is told.
            let _ = self.told_within(from, "pointer", ONE_LOOK);
            if !held {
                self.display.xdotool(&["mousedown", button])?;
                held = true;
            }
        }
        self.display.xdotool(&["mouseup", button])?;
        Ok(())
    }
}

/// Undoes `encodeURIComponent`.
fn decoded(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes()).next().map(|(words, _)| words.into_owned()).unwrap_or_default()
}
