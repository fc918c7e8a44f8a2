//! The list of Debian packages and what of it is missing. Pure.

use std::collections::BTreeSet;

/// The list itself; see the comment at its top.
pub const LIST: &str = include_str!("../packaging/debian-packages.txt");

/// What a package is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Compiling the product.
    Build,
    /// Running it.
    Run,
    /// The demo's collaboration system and its story.
    Story,
    /// What the tests need beyond that.
    Test,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is needed for.
    pub section: Section,
    /// Name of the package.
    pub package: String,
    /// The package is not wanted where this command is there.
    pub unless: Option<String>,
}

/// A line of the list that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the package list cannot be read")]
pub struct BadLine {
    /// Which, from 1.
    pub line: usize,
}

/// Reads a list.
///
/// # Errors
/// [`BadLine`] for a line that is no section, no package, or outside every section.
pub fn parse(list: &str) -> Result<Vec<Wanted>, BadLine> {
    let mut section = None;
    let mut wanted = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let bad = BadLine { line: number + 1 };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["[build]"] => section = Some(Section::Build),
            ["[run]"] => section = Some(Section::Run),
            ["[story]"] => section = Some(Section::Story),
            ["[test]"] => section = Some(Section::Test),
            [name, rest @ ..] if is_name(name) && rest.len() <= 1 => {
                let section = section.ok_or(bad)?;
                let unless = rest.first().map(|command| (*command).to_owned());
                wanted.push(Wanted { section, package: (*name).to_owned(), unless });
            }
            _ => return Err(bad),
        }
    }
    Ok(wanted)
}

/// A package name as Debian allows it; above all nothing that apt takes for an option.
fn is_name(word: &str) -> bool {
    let allowed = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "+-.".contains(char);
    word.starts_with(|first: char| first.is_ascii_alphanumeric()) && word.chars().all(allowed)
}

/// The packages of `wanted` that are neither installed nor replaced by a command.
#[must_use]
pub fn missing(wanted: &[Wanted], installed: &BTreeSet<String>, commands: &BTreeSet<String>) -> Vec<String> {
    let replaced = |one: &Wanted| one.unless.as_ref().is_some_and(|command| commands.contains(command));
    let lacks = |one: &&Wanted| !installed.contains(&one.package) && !replaced(one);
    wanted.iter().filter(lacks).map(|one| one.package.clone()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_list_in_the_tree_can_be_read() {
        let wanted = parse(LIST).unwrap();
        for (section, package) in [
            (Section::Build, "pkg-config"),
            (Section::Run, "bubblewrap"),
            (Section::Story, "xvfb"),
            (Section::Test, "swtpm"),
        ] {
            assert!(wanted.iter().any(|one| one.section == section && one.package == package), "{package}");
        }
    }

    #[test]
    fn only_what_is_neither_installed_nor_replaced_is_missing() {
        let wanted = parse("[test]\nxvfb\nnpm npm\nxclip\n").unwrap();
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(missing(&wanted, &set(&["xvfb"]), &set(&["npm"])), ["xclip"]);
        assert_eq!(missing(&wanted, &set(&[]), &set(&[])), ["xvfb", "npm", "xclip"]);
    }

    #[test]
    fn a_line_that_could_be_an_option_or_is_outside_a_section_is_refused() {
        assert_eq!(parse("[run]\n--purge"), Err(BadLine { line: 2 }));
        assert_eq!(parse("xvfb"), Err(BadLine { line: 1 }));
        assert_eq!(parse("[other]"), Err(BadLine { line: 1 }));
        assert_eq!(parse("[run]\na b c"), Err(BadLine { line: 2 }));
    }
}
