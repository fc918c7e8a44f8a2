//! Renders the portal and the problem page.

use workspace_protocol::notices::Notice;
use workspace_words::{Lang, reason, text};

use super::{
    areas::label as area_label,
    html::Html,
    icons,
    model::{Power, Tile, Unavailable, areas_of},
    problem::{Cause, Class, Problem},
};

/// What the portal page shows.
pub struct Portal<'a> {
    /// The organisation's name.
    pub org: &'a str,
    /// The person's name.
    pub user: &'a str,
    /// Version of the policy in force.
    pub version: u64,
    /// The tiles, in the policy's order.
    pub tiles: &'a [Tile],
    /// What admins tell people now.
    pub notices: &'a [&'a Notice],
}

/// The portal as an HTML document.
#[must_use]
pub fn portal(view: &Portal<'_>, lang: Lang) -> String {
    document(lang, &text(lang, "portal-title", &[]), "portal", |html| {
        header(html, view, lang);
        html.raw("<main>");
        news(html, view.notices, lang);
        search(html, lang);
        area_chips(html, view.tiles, lang);
        html.raw("<ul class=\"tiles\" id=\"own\">");
        for tile in view.tiles {
            tile_item(html, tile, lang);
        }
        html.raw("</ul><section id=\"near\" hidden><h2>").text(text(lang, "portal-near", &[]));
        html.raw("</h2><ul class=\"tiles\"></ul></section>");
        empty_notes(html, view.tiles.is_empty(), lang);
        html.raw("</main>");
        footer(html, view.version, lang);
    })
}

/// The page that says why another is not shown.
#[must_use]
pub fn problem(problem: &Problem, lang: Lang) -> String {
    let (title, icon) = match problem.class() {
        Class::Stopped | Class::Forbidden => ("block-title-stopped", icons::STOPPED),
        Class::Unreachable => ("block-title-unreachable", icons::STOPPED),
        Class::Crashed => ("block-title-crashed", icons::STOPPED),
    };
    let title = text(lang, title, &[]);
    document(lang, &title, "problem", |html| {
        html.raw("<main><article class=\"card\"><div class=\"mark\">").raw(icon).raw("</div><h1>").text(&title);
        html.raw("</h1><p class=\"host\" lang=\"en\">").text(problem.host()).raw("</p><p class=\"why\">");
        html.text(why(problem, lang)).raw("</p>");
        next_step(html, problem, lang);
        buttons(html, problem, lang);
        details(html, problem, lang);
        html.raw("</article></main>");
    })
}

pub(super) fn document(lang: Lang, title: &str, class: &'static str, body: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"").text(lang).raw("\"><head><meta charset=\"utf-8\">");
    html.raw(
        "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">",
    );
    html.raw("<title>").text(title).raw("</title><link rel=\"stylesheet\" href=\"/portal.css\">");
    html.raw("<script src=\"/portal.js\" defer></script></head><body class=\"").raw(class).raw("\">");
    body(&mut html);
    html.raw("</body></html>");
    html.finish()
}

fn header(html: &mut Html, view: &Portal<'_>, lang: Lang) {
    html.raw("<header><div><p class=\"org\">").text(view.org).raw("</p><h1>");
    html.text(text(lang, "portal-hello", &[("user", view.user)])).raw("</h1></div><div class=\"tools\">");
    html.raw("<button class=\"tool\" data-do=\"theme\">").raw(icons::THEME).raw("<span>");
    html.text(text(lang, "portal-theme", &[])).raw("</span></button>");
    let (other, name) = match lang {
        Lang::Ja => (Lang::En, "English"),
        Lang::En => (Lang::Ja, "日本語"),
    };
    html.raw("<button class=\"tool\" data-do=\"language\" data-lang=\"").text(other).raw("\" lang=\"");
    html.text(other).raw("\">").raw(name).raw("</button></div></header>");
}

/// What admins tell people; the page's script takes each away at its end.
fn news(html: &mut Html, notices: &[&Notice], lang: Lang) {
    if notices.is_empty() {
        return;
    }
    html.raw("<section class=\"news\" aria-labelledby=\"news\"><h2 id=\"news\">").text(text(lang, "portal-news", &[]));
    html.raw("</h2><ul>");
    for notice in notices {
        let words = match lang {
            Lang::Ja => &notice.ja,
            Lang::En => &notice.en,
        };
        html.raw("<li data-until=\"").text(notice.until).raw("\">").text(words).raw("</li>");
    }
    html.raw("</ul></section>");
}

fn search(html: &mut Html, lang: Lang) {
    let hint = text(lang, "portal-search", &[]);
    html.raw("<form class=\"search\" role=\"search\">").raw(icons::SEARCH);
    html.raw("<input id=\"query\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" maxlength=\"100\" placeholder=\"");
    html.text(&hint).raw("\" aria-label=\"").text(&hint).raw("\"></form>");
}

fn area_chips(html: &mut Html, tiles: &[Tile], lang: Lang) {
    let areas = areas_of(tiles);
    if areas.is_empty() {
        return;
    }
    html.raw("<div class=\"areas\" role=\"group\" aria-label=\"").text(text(lang, "portal-areas", &[]));
    html.raw("\"><button class=\"chip\" aria-pressed=\"true\" data-area=\"\">");
    html.text(text(lang, "portal-areas-all", &[])).raw("</button>");
    for area in areas {
        html.raw("<button class=\"chip\" aria-pressed=\"false\" data-area=\"").text(area).raw("\">");
        html.text(area_label(area, lang)).raw("</button>");
    }
    html.raw("</div>");
}

fn tile_item(html: &mut Html, tile: &Tile, lang: Lang) {
    let title = match lang {
        Lang::Ja => &tile.title.ja,
        Lang::En => &tile.title.en,
    };
    html.raw("<li data-id=\"").text(&tile.id).raw("\">");
    match tile.unavailable {
        None => html.raw("<button class=\"tile\" data-do=\"open\" data-id=\"").text(&tile.id).raw("\">"),
        Some(_) => html.raw("<div class=\"tile off\">"),
    };
    html.raw("<span class=\"icon\">")
        .raw(icons::of_kind(tile.kind))
        .raw("</span><span class=\"words\"><span class=\"name\">");
    html.text(title).raw("</span><span class=\"kind\">").text(kind_label(tile.kind, lang));
    html.raw("</span><span class=\"at\" lang=\"en\">").text(&tile.host).raw("</span>");
    badges(html, tile, lang);
    if let Some(why) = tile.unavailable {
        html.raw("<span class=\"notice\">").text(text(lang, unavailable_id(why), &[])).raw("</span>");
    }
    html.raw(if tile.unavailable.is_none() { "</span></button></li>" } else { "</span></div></li>" });
}

fn badges(html: &mut Html, tile: &Tile, lang: Lang) {
    if tile.areas.is_empty() && tile.powers.is_empty() {
        return;
    }
    html.raw("<span class=\"badges\">");
    for area in &tile.areas {
        html.raw("<span class=\"badge\">").text(area_label(area, lang)).raw("</span>");
    }
    for power in &tile.powers {
        html.raw("<span class=\"badge power\">").text(text(lang, power_id(*power), &[])).raw("</span>");
    }
    html.raw("</span>");
}

fn empty_notes(html: &mut Html, no_tiles: bool, lang: Lang) {
    html.raw("<p class=\"none\" id=\"none\" hidden>").text(text(lang, "portal-none-found", &[])).raw("</p>");
    if no_tiles {
        html.raw("<p class=\"none\">").text(text(lang, "portal-no-systems", &[])).raw("</p>");
    }
}

fn footer(html: &mut Html, version: u64, lang: Lang) {
    html.raw("<footer>").raw(icons::SHIELD).raw("<p>").text(text(lang, "portal-promise", &[]));
    html.raw("</p><button class=\"link\" data-do=\"device\">").text(text(lang, "portal-device", &[]));
    html.raw("</button><p class=\"version\">");
    html.text(text(lang, "portal-version", &[("version", &version.to_string())])).raw("</p></footer>");
}

fn kind_label(kind: &str, lang: Lang) -> String {
    text(lang, &format!("portal-kind-{kind}"), &[])
}

fn power_id(power: Power) -> &'static str {
    match power {
        Power::Camera => "portal-power-camera",
        Power::Microphone => "portal-power-microphone",
        Power::Location => "portal-power-location",
        Power::NoPrint => "portal-power-no-print",
        Power::NoCamera => "portal-power-no-camera",
    }
}

fn unavailable_id(why: Unavailable) -> &'static str {
    match why {
        Unavailable::Calls => "portal-unavailable-calls",
        Unavailable::Gateway => "portal-unavailable-gateway",
    }
}

fn why(problem: &Problem, lang: Lang) -> String {
    match problem.cause {
        Cause::Refused(code) => reason(lang, code),
        Cause::LoadFailed => text(lang, "block-why-failed", &[]),
        Cause::Crashed => text(lang, "block-why-crashed", &[]),
    }
}

fn next_step(html: &mut Html, problem: &Problem, lang: Lang) {
    let id = match problem.class() {
        Class::Stopped if problem.asked => "block-next-asked",
        Class::Stopped => "block-next-ask",
        Class::Forbidden => "block-next-forbidden",
        Class::Unreachable | Class::Crashed => "block-next-retry",
    };
    html.raw("<p class=\"next\"");
    html.raw(if problem.asked { " role=\"status\">" } else { ">" }).text(text(lang, id, &[])).raw("</p>");
}

fn buttons(html: &mut Html, problem: &Problem, lang: Lang) {
    let mut button = |class: &'static str, wish: &'static str, id: &str| {
        html.raw("<button class=\"").raw(class).raw("\" data-do=\"").raw(wish).raw("\">").text(text(lang, id, &[]));
        html.raw("</button>");
    };
    match problem.class() {
        Class::Stopped if !problem.asked => button("main", "ask", "block-ask"),
        Class::Stopped | Class::Forbidden => {}
        Class::Unreachable | Class::Crashed => button("main", "retry", "block-retry"),
    }
    button("plain", "back", "block-back");
    button("plain", "home", "block-home");
}

fn details(html: &mut Html, problem: &Problem, lang: Lang) {
    html.raw("<dl>");
    let mut row = |id: &str, value: &str| {
        html.raw("<div><dt>").text(text(lang, id, &[])).raw("</dt><dd>").text(value).raw("</dd></div>");
    };
    row("block-address", &problem.address());
    if let Cause::Refused(reason) = problem.cause {
        row("block-reason", reason.code());
    }
    if let Some(rule) = &problem.rule {
        row("block-rule", rule);
    }
    html.raw("</dl>");
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::tile;
    use super::*;
    use workspace_protocol::reason::Reason;

    fn shown(tiles: &[Tile], lang: Lang) -> String {
        portal(&Portal { org: "<b>会", user: "\"花子\"", version: 7, tiles, notices: &[] }, lang)
    }

    #[test]
    fn names_from_outside_are_only_ever_text() {
        let mut evil = tile("a", "<img src=x onerror=alert(1)>", &["\"><script>"]);
        evil.host = "a'b".to_owned();
        let html = shown(&[evil], Lang::Ja);
        assert!(!html.contains("<img") && !html.contains("<b>") && !html.contains("\"><script>"), "{html}");
        assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"));
    }

    #[test]
    fn a_tile_that_is_not_available_says_why_and_has_no_button() {
        let mut meeting = tile("call", "会議", &[]);
        meeting.unavailable = Some(Unavailable::Calls);
        for lang in Lang::ALL {
            let html = shown(&[meeting.clone()], lang);
            assert!(html.contains(&text(lang, "portal-unavailable-calls", &[])));
            assert!(!html.contains("data-do=\"open\""));
        }
    }

    #[test]
    fn every_label_of_both_pages_exists_in_both_languages() {
        let mut tiles = Vec::new();
        for kind in [
            "collaboration",
            "records",
            "viewer",
            "meeting",
            "map",
            "beds",
            "monitoring",
            "desktop",
            "statistics",
            "other",
        ] {
            let mut one = tile(kind, "題", &["a/b"]);
            one.kind = kind;
            one.powers = vec![Power::Camera, Power::Microphone, Power::Location];
            tiles.push(one);
        }
        let causes =
            Reason::ALL.iter().map(|reason| Cause::Refused(*reason)).chain([Cause::LoadFailed, Cause::Crashed]);
        let problems: Vec<Problem> = causes.map(|cause| Problem::of("https://a.jp/", cause)).collect();
        for lang in Lang::ALL {
            let mut all = shown(&tiles, lang);
            for one in &problems {
                all.push_str(&problem(one, lang));
            }
            for missing in [">portal-", "\"portal-", ">block-"] {
                assert!(!all.contains(missing), "{lang}: a message is missing");
            }
        }
    }

    #[test]
    fn the_problem_page_names_host_and_rule_but_not_the_query() {
        let refused = Problem::refused(
            "https://evil.example/p?name=tanaka",
            Reason::PathNotListed,
            Some("evil.example/ok".to_owned()),
        );
        let html = problem(&refused, Lang::Ja);
        assert!(html.contains("evil.example/ok") && html.contains("path.not-listed") && !html.contains("tanaka"));
        assert!(html.contains("data-do=\"ask\""));
        assert!(!problem(&Problem { asked: true, ..refused }, Lang::Ja).contains("data-do=\"ask\""));
    }
}
