//! The keyboard on the person's desk: the private display does not know it by itself.

/// Longest name that is taken over.
const MOST: usize = 24;
/// What is assumed where nothing is told.
const USUAL: &str = "us";

/// The layout of a keyboard with these layouts and variants, as fcitx5 names it: of several the first, with its variant
/// after a dash. A name that could be more than a name is not taken over.
pub(in crate::supervisor) fn name((layouts, variants): &(String, String)) -> String {
    let layout = first_of(layouts).unwrap_or(USUAL);
    match first_of(variants) {
        Some(variant) => format!("{layout}-{variant}"),
        None => layout.to_owned(),
    }
}

fn first_of(names: &str) -> Option<&str> {
    let first = names.split(',').next()?;
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    (!first.is_empty() && first.len() <= MOST && first.chars().all(plain)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(layouts: &str, variants: &str) -> String {
        name(&(layouts.to_owned(), variants.to_owned()))
    }

    #[test]
    fn the_first_layout_and_its_variant_are_taken() {
        assert_eq!(named("jp", ""), "jp");
        assert_eq!(named("us,jp", "dvorak,"), "us-dvorak");
        assert_eq!(named("us,jp", ",kana86"), "us");
    }

    #[test]
    fn what_is_no_name_is_not_taken() {
        for bad in ["", "../x", "J P", "abcdefghijklmnopqrstuvwxyz"] {
            assert_eq!(named(bad, ""), USUAL, "{bad:?}");
        }
        assert_eq!(named("jp", "a=b"), "jp");
    }
}
