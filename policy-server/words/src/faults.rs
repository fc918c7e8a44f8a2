//! Faults of a policy file in Japanese. The parser says them in English, beside file, line and key; here the part that is
//! words is found again by its form and said in the reader's language. What has no form here stays English.

use crate::Lang;

/// A form a line: English, tab, Japanese; `{}` stands for what is filled in.
const FORMS: &str = include_str!("../text/ja/faults.tsv");

/// A line such as `policy.toml:12: system[0].upload: unknown value; must be one of: none, view` in `lang`.
#[must_use]
pub fn fault(lang: Lang, line: &str) -> String {
    match lang {
        Lang::En => line.to_owned(),
        Lang::Ja => japanese(line).unwrap_or_else(|| line.to_owned()),
    }
}

fn japanese(line: &str) -> Option<String> {
    let starts = std::iter::once(0).chain(line.match_indices(": ").map(|(at, _)| at + 2));
    let mut pieces = starts.filter_map(|at| line.split_at_checked(at));
    pieces.find_map(|(front, words)| said(words).map(|said| format!("{front}{said}")))
}

/// The words in Japanese, by the first form that fits all of them.
fn said(words: &str) -> Option<String> {
    let forms = FORMS.lines().filter_map(|line| line.split_once('\t'));
    forms.into_iter().find_map(|(english, japanese)| filled(english, words).map(|with| fill(japanese, &with)))
}

/// What stands in the places of a form, if the words have its shape.
fn filled<'w>(form: &str, words: &'w str) -> Option<Vec<&'w str>> {
    let mut parts = form.split("{}");
    let mut rest = words.strip_prefix(parts.next()?)?;
    let parts: Vec<_> = parts.collect();
    let mut found = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let (inside, after) = match (last, part.is_empty()) {
            (true, _) => (rest.strip_suffix(part)?, ""),
            (false, _) => rest.split_once(part)?,
        };
        found.push(inside);
        rest = after;
    }
    rest.is_empty().then_some(found)
}

fn fill(form: &str, with: &[&str]) -> String {
    let mut with = with.iter();
    let mut parts = form.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(with.next().copied().unwrap_or_default());
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_in_japanese_where_it_stands() {
        let line = "policy:12: system[0].upload: unknown value; must be one of: none, camera, files";
        assert_eq!(
            fault(Lang::Ja, line),
            "policy:12: system[0].upload: 使えない値です。次のどれかにしてください：none, camera, files"
        );
        assert_eq!(fault(Lang::En, line), line);
        assert_eq!(
            fault(Lang::Ja, "p:1: session.idle_lock: must be a text, not integer"),
            "p:1: session.idle_lock: 文字列にしてください（今は integer）"
        );
        assert_eq!(
            fault(Lang::Ja, "p:3: allow[0]: write 'a.jp': a bare host already means everything below it"),
            "p:3: allow[0]: 「a.jp」と書いてください。ホストだけで、その下すべてを表します"
        );
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for line in ["", ": ", "something else: entirely", "p:1: this key is missing somewhere"] {
            assert_eq!(fault(Lang::Ja, line), line);
        }
    }

    /// Every fixed sentence with which the parser finds fault has its form; the sources say which there are.
    #[test]
    fn every_fault_of_the_parser_has_its_form() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/src/document");
        let mut seen = 0;
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for call in text.split("fault(").skip(1) {
                let call: String = call.split(");").next().unwrap_or_default().replace("\\\"", "\u{1}");
                // Of several texts of a call the longest is the sentence.
                let texts = call.split('"').skip(1).step_by(2).map(|text| text.replace('\u{1}', "\""));
                let Some(words) = texts.filter(|text| text.contains(' ')).max_by_key(String::len) else { continue };
                let sample = sample(&words);
                assert!(said(&sample).is_some(), "{}: no Japanese for {sample:?}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 20, "only {seen} faults found: the search is broken");
    }

    /// The words with something in the place of what is filled in.
    fn sample(words: &str) -> String {
        let mut parts = words.split('{');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push('7');
            out.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
        }
        out
    }
}
