//! The pages of the collaboration system, and what they report back.

use std::{collections::HashMap, fs, io, path::Path};

use super::{CHAT, Layout, OUTSIDE, ROOM, ROOMS};

const INDEX: &str = include_str!("index.html");
const NOTICES: &str = include_str!("notices.html");
const STYLE: &str = include_str!("site.css");
const START: &str = include_str!("site.js");
const SEEN: &str = include_str!("seen.js");

pub fn write(layout: &Layout<'_>) -> io::Result<()> {
    let www = layout.folder.join("www");
    let outside = format!("https://{OUTSIDE}:{}/", layout.port);
    let start = START.replace("@CHAT@", CHAT).replace("@ROOM@", &format!("{ROOM}@{ROOMS}"));
    fs::create_dir_all(www.join("files"))?;
    fs::write(www.join("index.html"), INDEX)?;
    fs::write(www.join("notices.html"), NOTICES.replace("@OUTSIDE@", &outside))?;
    fs::write(www.join("site.css"), STYLE)?;
    fs::write(www.join("site.js"), start)?;
    fs::write(www.join("seen.js"), SEEN)?;
    fs::write(www.join("files/roster.csv"), format!("日付,担当,番号\n2026-04-01,田中,{}\n", layout.roster))
}

/// Something a page reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A named part of the page is at rest here.
    Spot(Spot),
    /// The pointer is here.
    Pointer {
        /// Which load of a page.
        page: String,
        /// Pixels from the page's left edge.
        x: i32,
        /// Pixels from the page's upper edge.
        y: i32,
    },
    /// A part was clicked.
    Click(String),
    /// The page was asked to copy this text.
    Copy(String),
    /// The page was asked to paste.
    Paste,
}

/// A named part of a page and its middle, in pixels from the page's upper left corner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which load of a page.
    pub page: String,
    /// Name of the part.
    pub name: String,
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// Whether it has the keyboard.
    pub focus: bool,
    /// The beginning of its text.
    pub text: String,
}

/// Everything pages have reported so far, oldest first; lines that are not ours are passed over.
#[must_use]
pub fn seen(log: &Path) -> Vec<Seen> {
    fs::read_to_string(log).unwrap_or_default().lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Seen> {
    let fields: HashMap<_, _> = url::form_urlencoded::parse(line.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.get(name).cloned();
    let number = |name: &str| field(name)?.parse::<i32>().ok();
    Some(match field("what")?.as_str() {
        "spot" => Seen::Spot(Spot {
            page: field("page")?,
            name: field("name")?,
            x: number("x")?,
            y: number("y")?,
            focus: number("focus")? == 1,
            text: field("text").unwrap_or_default(),
        }),
        "pointer" => Seen::Pointer { page: field("page")?, x: number("x")?, y: number("y")? },
        "click" => Seen::Click(field("name")?),
        "copy" => Seen::Copy(field("text")?),
        "paste" => Seen::Paste,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_a_page_is_read() {
        let spot = parse("what=spot&page=k3&name=message&x=12&y=-4&focus=1&text=a+b");
        let expected =
            Spot { page: "k3".into(), name: "message".into(), x: 12, y: -4, focus: true, text: "a b".into() };
        assert_eq!(spot, Some(Seen::Spot(expected)));
        assert_eq!(parse("what=copy&text=%E6%82%A3%E8%80%85+a"), Some(Seen::Copy("患者 a".into())));
    }

    #[test]
    fn a_line_that_is_no_report_is_passed_over() {
        assert_eq!([parse("-"), parse("what=spot&x=1"), parse("what=else")], [None, None, None]);
    }
}
