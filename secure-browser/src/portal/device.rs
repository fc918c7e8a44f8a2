//! Renders the page that says what holds on this device.

use workspace_words::{Lang, text};

use crate::standing::{Finding, Standing};

use super::{html::Html, icons, page};

/// What is shown of each state, the one that asks for attention first.
const STATES: [(Standing, &str, &str); 3] = [
    (Standing::NotPossible, "device-not-possible", "not"),
    (Standing::Partly, "device-partly", "partly"),
    (Standing::Holds, "device-holds", "holds"),
];

/// The page as an HTML document.
#[must_use]
pub fn device(findings: &[Finding], lang: Lang) -> String {
    let title = text(lang, "device-title", &[]);
    page::document(lang, &title, "device", |html| {
        html.raw("<header><div><h1>").text(&title).raw("</h1><p class=\"org\">").text(text(lang, "device-how", &[]));
        html.raw("</p></div><div class=\"tools\"><button class=\"tool\" data-do=\"home\"><span>");
        html.text(text(lang, "device-back", &[])).raw("</span></button></div></header><main>");
        for (state, heading, class) in STATES {
            let of_state: Vec<&Finding> = findings.iter().filter(|one| one.state == state).collect();
            section(html, &of_state, heading, class, lang);
        }
        html.raw("</main>");
    })
}

fn section(html: &mut Html, findings: &[&Finding], heading: &str, class: &'static str, lang: Lang) {
    if findings.is_empty() {
        return;
    }
    let count = findings.len().to_string();
    html.raw("<h2>").text(text(lang, heading, &[("count", &count)])).raw("</h2><ul class=\"standing ").raw(class);
    html.raw("\">");
    for finding in findings {
        html.raw("<li><span class=\"state\">").raw(icon(finding.state)).raw("</span><div><p class=\"promise\">");
        // Read by itself, a line must not promise what does not hold.
        if let Some(id) = denial(finding.state) {
            html.raw("<strong>").text(text(lang, id, &[])).raw("</strong> ");
        }
        html.text(finding.promise(lang)).raw("</p><p class=\"measured\" lang=\"en\"><code>").text(&finding.name);
        html.raw("</code> ").text(&finding.how).raw("</p></div></li>");
    }
    html.raw("</ul>");
}

const fn denial(state: Standing) -> Option<&'static str> {
    match state {
        Standing::Holds => None,
        Standing::Partly => Some("device-only-partly"),
        Standing::NotPossible => Some("device-not"),
    }
}

const fn icon(state: Standing) -> &'static str {
    match state {
        Standing::Holds => icons::SHIELD,
        Standing::Partly => icons::THEME,
        Standing::NotPossible => icons::STOPPED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_comes_first_and_nothing_measured_is_markup() {
        let findings = [
            Finding::new("network.tcp", Standing::Holds, "tcp <b>refused</b>"),
            Finding::new("display.capture", Standing::NotPossible, "photographed"),
        ];
        for lang in Lang::ALL {
            let html = device(&findings, lang);
            assert!(html.find("display.capture") < html.find("network.tcp"));
            assert_eq!(html.matches("<strong>").count(), 1, "what does not hold is denied on its own line");
            assert!(html.contains("&lt;b&gt;refused") && !html.contains("<b>"));
            assert!(!html.contains(">device-") && !html.contains(">holds-"), "{lang}: a sentence is missing");
        }
    }

    #[test]
    fn a_state_that_nothing_has_is_not_a_heading() {
        let html = device(&[Finding::new("network.tcp", Standing::Holds, "")], Lang::En);
        assert_eq!(html.matches("<h2>").count(), 1);
    }
}
