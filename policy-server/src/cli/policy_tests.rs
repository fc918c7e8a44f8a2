//! The commands as acceptance drives them: lines in, lines and an exit code out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;

use serde_json::Value;

use super::*;

const POLICY: &str = r#"schema = 1
name = "n"
[[system]]
id = "s"
title = { en = "t" }
start = "https://h.example/"
allow = ["h.example", { url = "img.example", as = ["image"] }]
"#;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Exit code and JSON lines of a command.
fn run_with(command: PolicyFileCommand, input: &str) -> (Result<u8, Fault>, Vec<Value>) {
    let mut out = Vec::new();
    let mut input: Input<'_> = BufReader::new(Box::new(input.as_bytes()));
    let code = execute(command, true, &mut input, &mut out);
    let lines = String::from_utf8(out).unwrap();
    (code, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn test_command(file: PathBuf, profile: ProfileName, kind: &str, urls: &[&str]) -> PolicyFileCommand {
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    PolicyFileCommand::Test { file, profile, kind: kind.parse().unwrap(), urls }
}

fn answers(lines: &[Value]) -> Vec<(bool, String)> {
    lines.iter().map(|line| (line["allow"].as_bool().unwrap(), line["reason"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn test_exits_with_the_verdict_and_reads_addresses_from_stdin() {
    let folder = folder();
    let path = file(&folder, "p.toml", POLICY);
    let (code, lines) =
        run_with(test_command(path.clone(), ProfileName::Strict, "document", &["https://h.example/"]), "");
    assert_eq!(
        (code.unwrap(), lines[0]["rule"].as_str(), lines[0]["system"].as_str()),
        (YES, Some("h.example"), Some("s"))
    );
    let input = "https://a.h.example/x\n\nhttps://img.example/\r\nnothing\n";
    let (code, lines) = run_with(test_command(path.clone(), ProfileName::Strict, "document", &[]), input);
    assert_eq!(code.unwrap(), NO);
    let expected = [(true, "allowed"), (false, "resource.kind"), (false, "url.unparsable")];
    assert_eq!(answers(&lines), expected.map(|(allow, reason)| (allow, reason.to_owned())));
    let (code, _) = run_with(test_command(path.clone(), ProfileName::Strict, "image", &["https://img.example/"]), "");
    assert_eq!(code.unwrap(), YES);
    let (code, _) = run_with(test_command(path, ProfileName::Chrome, "document", &["http://h.example:81/"]), "");
    assert_eq!(code.unwrap(), YES);
}

#[test]
fn match_answers_each_line_in_order_and_marks_bad_ones() {
    let input = r#"{"patterns":["h.example"],"url":"https://h.example/"}
{"patterns":["h.example"],"url":"http://h.example/"}
{"patterns":["*.h","h.example"],"url":"https://h.example/"}
{"patterns":[],"url":"https://h.example/"}
{"patterns":["h.example"],"url":"h.example"}
{"patterns":"h.example"}
"#;
    let (code, lines) = run_with(PolicyFileCommand::Match { profile: ProfileName::Strict }, input);
    assert_eq!(code.unwrap(), BAD);
    let reasons: Vec<String> = answers(&lines).into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(
        reasons,
        [
            "allowed",
            "scheme.not-listed",
            "policy.malformed",
            "origin.not-listed",
            "url.unparsable",
            "message.malformed"
        ]
    );
    let good: String = input.lines().take(5).map(|line| format!("{line}\n")).collect();
    let (code, lines) = run_with(PolicyFileCommand::Match { profile: ProfileName::Chrome }, &good);
    assert_eq!(code.unwrap(), YES);
    let allowed: Vec<bool> = answers(&lines).into_iter().map(|(allow, _)| allow).collect();
    assert_eq!(allowed, [true, true, true, false, false]);
}

#[test]
fn check_tells_lints_and_ends_with_ok() {
    let folder = folder();
    let path = file(&folder, "p.toml", &POLICY.replace("\"h.example\",", "\"http://x.example/a\","));
    let (code, lines) = run_with(PolicyFileCommand::Check { file: path }, "");
    let codes: Vec<&str> = lines.iter().filter_map(|line| line["lint"].as_str()).collect();
    assert_eq!((code.unwrap(), codes), (YES, vec!["start.not-allowed", "scheme.clear-text", "path.no-slash"]));
    assert_eq!((lines.last().unwrap()["ok"].as_bool(), lines[1]["line"].as_u64()), (Some(true), Some(7)));
    let (code, lines) = run_with(PolicyFileCommand::Check { file: "-".into() }, POLICY);
    assert_eq!((code.unwrap(), lines.len()), (YES, 1));
}

#[test]
fn a_bad_file_is_bad_input_with_file_line_and_key() {
    let folder = folder();
    let path = file(&folder, "p.toml", &POLICY.replace("\"h.example\",", "\"*.h.example\","));
    let (code, _) = run_with(PolicyFileCommand::Check { file: path.clone() }, "");
    let fault = code.unwrap_err();
    let mut out = Vec::new();
    report(&fault, true, &mut out);
    let line: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        (line["file"].as_str(), line["line"].as_u64(), line["key"].as_str()),
        (path.to_str(), Some(7), Some("system[0].allow[0]"))
    );
    let (code, _) = run_with(PolicyFileCommand::Check { file: folder.path().join("none") }, "");
    assert!(matches!(code.unwrap_err(), Fault::File { .. }));
}

#[test]
fn diff_says_widened_and_narrowed_for_each_system() {
    let folder = folder();
    let old = file(&folder, "old.toml", POLICY);
    let new = file(
        &folder,
        "new.toml",
        &POLICY
            .replace("\"h.example\",", "\".h.example\", \"new.example\",")
            .replace("[[system]]", "[session]\nlease = \"9h\"\n[[system]]"),
    );
    let (code, lines) = run_with(PolicyFileCommand::Diff { old: old.clone(), new }, "");
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{} {} {}",
                line["system"].as_str().unwrap(),
                line["direction"].as_str().unwrap(),
                line["text"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(code.unwrap(), YES);
    assert_eq!(
        told,
        [
            " widened lease: 32400 s, was 28800 s",
            "s widened now allowed: new.example",
            "s narrowed no longer allowed as a whole: h.example"
        ]
    );
    let (_, lines) = run_with(PolicyFileCommand::Diff { old: old.clone(), new: old }, "");
    assert!(lines.is_empty());
}

#[test]
fn import_gives_a_policy_file_and_warnings() {
    let folder = folder();
    let path = file(&folder, "chrome.json", r#"{"URLAllowlist": ["h.example", "*.x.example"]}"#);
    let (code, lines) = run_with(PolicyFileCommand::Import { from: ListName::Chrome, file: path }, "");
    assert_eq!(code.unwrap(), YES);
    assert!(Policy::parse("imported", lines[0]["toml"].as_str().unwrap()).is_ok());
    assert_eq!(lines[0]["warnings"].as_array().unwrap().len(), 3);
    let path = file(&folder, "bad.json", "[");
    let (code, _) = run_with(PolicyFileCommand::Import { from: ListName::Chrome, file: path }, "");
    assert!(matches!(code.unwrap_err(), Fault::Import(_)));
}
