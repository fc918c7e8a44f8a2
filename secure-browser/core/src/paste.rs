//! What of the device's clipboard may enter the workspace: text, so much of it, and no character that acts.

use zeroize::Zeroizing;

/// Longest text that is taken over at once, in bytes of UTF-8. A long letter; not a file.
pub const PASTE_MAX: usize = 64 << 10;

/// The text as it enters: line ends are `\n`, other control characters are gone. `None` if nothing is left or it is
/// longer than [`PASTE_MAX`].
#[must_use]
pub fn taken(text: &str) -> Option<Zeroizing<String>> {
    if text.len() > PASTE_MAX {
        return None;
    }
    // As long as it can get, so that no copy is left behind by growing.
    let mut taken = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\n' => taken.push('\n'),
            '\t' => taken.push('\t'),
            char if char.is_control() => {}
            char => taken.push(char),
        }
    }
    (!taken.is_empty()).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        taken(text).map(|taken| taken.to_string())
    }

    #[test]
    fn letters_lines_and_tabs_enter_and_nothing_that_acts() {
        assert_eq!(text("患者さん\r\n様子\t良\rend\n").as_deref(), Some("患者さん\n様子\t良\nend\n"));
        assert_eq!(text("a\u{0}\u{1b}[31mb\u{7f}\u{9b}c\u{8}").as_deref(), Some("a[31mbc"));
        assert_eq!(text("👩‍⚕️ e\u{301}").as_deref(), Some("👩‍⚕️ e\u{301}"));
    }

    #[test]
    fn nothing_and_too_much_are_not_taken() {
        assert_eq!((text(""), text("\u{0}\u{7}")), (None, None));
        assert!(taken(&"x".repeat(PASTE_MAX)).is_some());
        assert!(taken(&"x".repeat(PASTE_MAX + 1)).is_none());
    }
}
