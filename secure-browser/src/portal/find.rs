//! Search over the tiles: by name, host and area, the same whether typed in kana, wide or narrow letters.

/// `text` as it is compared: lower case, wide ASCII narrow, katakana as hiragana, other spaces plain.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().flat_map(fold_one).collect()
}

fn fold_one(character: char) -> impl Iterator<Item = char> {
    let narrow = match character {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => shifted(character, 0xfee0),
        '\u{30a1}'..='\u{30f6}' => shifted(character, 0x60),
        other => other,
    };
    narrow.to_lowercase()
}

fn shifted(character: char, by: u32) -> char {
    char::from_u32(u32::from(character) - by).unwrap_or(character)
}

/// Whether every word of `query` occurs in `folded`, which [`fold`] made. An empty query finds everything.
#[must_use]
pub fn finds(folded: &str, query: &str) -> bool {
    fold(query).split_whitespace().all(|word| folded.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kana_and_width_and_case_do_not_matter() {
        let key = fold("メディカルケアステーション Medical Care ＭＣＳ");
        for query in ["メディカル", "めでぃかる", "ｍｃｓ", "care　MEDICAL", ""] {
            assert!(finds(&key, query), "{query}");
        }
        assert!(!finds(&key, "medical 病床"));
    }
}
