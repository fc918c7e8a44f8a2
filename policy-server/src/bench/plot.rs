//! `bench plot`: figures of `docs/performance.md` out of the benches' JSON lines, as SVG that reads on light and dark.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    io::{BufRead, stdin},
    path::Path,
};

use serde_json::Value;

use super::Wrong;

/// Width of a picture, and where its bars begin and end.
const WIDTH: f64 = 720.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 610.0;
/// Height of a bar with its gap, and of the title.
const ROW: f64 = 26.0;
const TOP: f64 = 44.0;
const STYLE: &str = "text{font:14px sans-serif;fill:#24292f}.t{font-weight:bold}.o{fill:#1a7f5a}.p{fill:#8c959f}\
    .g{stroke:#cf222e;stroke-dasharray:4 3}.n{fill:#cf222e}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.o{fill:#3fb88a}.p{fill:#6e7681}.g{stroke:#ff7b72}\
    .n{fill:#ff7b72}}";

/// One picture.
struct Figure {
    title: &'static str,
    unit: &'static str,
    goal: Option<(f64, &'static str)>,
    bars: Vec<Bar>,
}

struct Bar {
    label: String,
    value: f64,
    ours: bool,
}

/// Reads JSON lines from the standard input and writes a picture of each bench among them into `folder`.
pub fn run(folder: &Path) -> Result<(), Wrong> {
    let lines = stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
    let lines: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (name, figure) in figures(&lines) {
        fs::write(folder.join(format!("{name}.svg")), svg(&figure))?;
    }
    Ok(())
}

fn figures(lines: &[Value]) -> BTreeMap<&'static str, Figure> {
    let of = |bench: &str| -> Vec<&Value> { lines.iter().filter(|line| text(line, "bench") == bench).collect() };
    let all = [
        ("idle", idle(&of("idle"))),
        ("renewals", renewals(&of("renewals"))),
        ("wipe", wipe(&of("wipe"))),
        ("checkin", checkin(&of("checkin"))),
        ("gateway", gateway(&of("gateway"))),
    ];
    all.into_iter().filter(|(_, figure)| !figure.bars.is_empty()).collect()
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(line: &Value, key: &str) -> Option<f64> {
    line.get(key).and_then(Value::as_f64)
}

fn idle(lines: &[&Value]) -> Figure {
    let bar = |line: &&Value| {
        let (server, value) = (text(line, "server"), number(line, "kib_per_device")?);
        let label = format!("{server}, {} devices", number(line, "devices")?);
        Some(Bar { label, value, ours: server == "policy-server" })
    };
    Figure {
        title: "Resident memory of the server for an idle device",
        unit: "KiB",
        goal: Some((12.0, "goal")),
        bars: lines.iter().filter_map(bar).collect(),
    }
}

fn renewals(lines: &[&Value]) -> Figure {
    let Some(line) = lines.last() else { return Figure { title: "", unit: "", goal: None, bars: Vec::new() } };
    let bar = |label: &str, key, ours| Some(Bar { label: label.to_owned(), value: number(line, key)?, ours });
    let bars = [
        bar("renewals", "per_second_and_core", true),
        bar("their cryptography alone", "crypto_per_second_and_core", false),
    ];
    Figure {
        title: "Renewals a second and core",
        unit: "",
        goal: number(line, "crypto_per_second_and_core").map(|sum| (sum * 0.6, "goal")),
        bars: bars.into_iter().flatten().collect(),
    }
}

fn wipe(lines: &[&Value]) -> Figure {
    let mut bars = Vec::new();
    for line in lines.iter().filter(|line| line.get("seconds").is_some()) {
        let devices = number(line, "devices").unwrap_or_default();
        for (label, key, ours) in [("policy-server", "seconds", true), ("NATS", "nats_seconds", false)] {
            let value = number(line, key);
            bars.extend(value.map(|value| Bar { label: format!("{label}, {devices} devices"), value, ours }));
        }
    }
    Figure { title: "A whole fleet told and heard of", unit: "s", goal: None, bars }
}

fn checkin(lines: &[&Value]) -> Figure {
    let bar = |line: &&Value| {
        let label = format!("{} devices", number(line, "devices")?);
        Some(Bar { label, value: number(line, "microseconds")?, ours: true })
    };
    let least = lines.iter().filter_map(|line| number(line, "microseconds")).reduce(f64::min);
    Figure {
        title: "A renewal's cost by devices in the database",
        unit: "µs",
        goal: least.map(|least| (least * 1.3, "goal")),
        bars: lines.iter().filter_map(bar).collect(),
    }
}

/// Rates of each job, over the better peer's.
fn gateway(lines: &[&Value]) -> Figure {
    let best = |job: &str| {
        let peers = lines.iter().filter(|line| text(line, "job") == job && line.get("ratio").is_none());
        peers.filter_map(|line| number(line, "per_second")).reduce(f64::max)
    };
    let bar = |line: &&Value| {
        let job = text(line, "job");
        let value = number(line, "per_second")? / best(job)?;
        Some(Bar { label: format!("{job}, {}", text(line, "peer")), value, ours: line.get("ratio").is_some() })
    };
    Figure {
        title: "The access gateway: rates over the better peer's",
        unit: "×",
        goal: Some((0.9, "goal")),
        bars: lines.iter().filter_map(bar).collect(),
    }
}

fn svg(figure: &Figure) -> String {
    let most = figure.bars.iter().map(|bar| bar.value).chain(figure.goal.map(|goal| goal.0)).fold(0.0, f64::max);
    let place = |value: f64| if most > 0.0 { (RIGHT - LEFT) * value / most } else { 0.0 };
    let mut rows = String::new();
    let mut y = TOP;
    for bar in &figure.bars {
        let (class, long) = (if bar.ours { "o" } else { "p" }, place(bar.value));
        let _ = writeln!(
            rows,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT:.0}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"{:.0}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            LEFT - 8.0,
            y + 14.0,
            escaped(&bar.label),
            ROW - 8.0,
            LEFT + long + 6.0,
            y + 14.0,
            escaped(&format!("{} {}", short(bar.value), figure.unit)),
        );
        y += ROW;
    }
    if let Some((goal, word)) = figure.goal {
        let x = LEFT + place(goal);
        let _ = writeln!(
            rows,
            "<line class=\"g\" x1=\"{x:.1}\" y1=\"{:.0}\" x2=\"{x:.1}\" y2=\"{y:.0}\"/>\
             <text class=\"n\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{word} {}</text>",
            TOP - 4.0,
            y + 14.0,
            short(goal),
        );
        y += ROW;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {y:.0}\" role=\"img\"><style>{STYLE}</style>\n\
         <text class=\"t\" x=\"10\" y=\"22\">{}</text>\n{rows}</svg>\n",
        escaped(figure.title)
    )
}

fn short(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bench_makes_one_picture_with_a_bar_for_each_server_and_its_goal() {
        let lines = [
            json!({"bench": "idle", "server": "policy-server", "devices": 10, "kib_per_device": 9.5}),
            json!({"bench": "idle", "server": "a<b", "devices": 10, "kib_per_device": 20.0}),
            json!({"bench": "idle", "server": "absent", "skipped": "not installed"}),
        ];
        let figures = figures(&lines);
        assert_eq!(figures.keys().copied().collect::<Vec<_>>(), ["idle"]);
        let picture = svg(figures.get("idle").unwrap());
        assert_eq!(picture.matches("<rect").count(), 2);
        assert!(picture.contains("9.50 KiB") && picture.contains("goal 12.00") && picture.contains("a&lt;b"));
    }
}
