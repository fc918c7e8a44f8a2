//! Requests with two readings, forged words and tricks: none reaches a system as it was meant.

use super::*;

/// What becomes of a request at a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A refusal with this status, or the end of the connection; the system saw nothing.
    Refused(Option<u16>),
    /// The system saw this head.
    Passed(String),
}

/// What has to become of it at our gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Must {
    /// Nothing reaches the system.
    Refuse,
    /// It reaches the system in one reading, without the words given here.
    Clean(&'static [&'static str]),
}

/// One attack.
pub struct Attack {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub must: Must,
}

const FORGED: Must = Must::Clean(&["forged"]);

fn refuse(name: &'static str, bytes: impl Into<Vec<u8>>) -> Attack {
    Attack { name, bytes: bytes.into(), must: Must::Refuse }
}

/// A request to the system with these further lines, and a body.
fn with(name: &'static str, method: &str, lines: &str, body: &str) -> Attack {
    refuse(name, format!("{method} / HTTP/1.1\r\nHost: care.example\r\n{lines}\r\n{body}"))
}

fn clean(name: &'static str, lines: &str, must: Must) -> Attack {
    Attack { must, ..with(name, "GET", lines, "") }
}

fn framing() -> Vec<Attack> {
    const BODY: &str = "0\r\n\r\nG";
    let post = |name, lines: &str| with(name, "POST", lines, BODY);
    vec![
        post("TE: xchunked", "Transfer-Encoding: xchunked\r\n"),
        post("TE twice, identity last", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        post("TE: chunked, identity", "Transfer-Encoding: chunked, identity\r\n"),
        post("TE: identity, chunked", "Transfer-Encoding: identity, chunked\r\n"),
        post("TE: gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"),
        post("TE with a vertical tab", "Transfer-Encoding: \x0bchunked\r\n"),
        post("TE with a space before the colon", "Transfer-Encoding : chunked\r\nContent-Length: 6\r\n"),
        post("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n"),
        post("two lengths in one line", "Content-Length: 1, 2\r\n"),
        post("a length with a sign", "Content-Length: +6\r\n"),
        post("a hexadecimal length", "Content-Length: 0x6\r\n"),
        post("a length beyond 64 bits", "Content-Length: 99999999999999999999\r\n"),
        post("a negative length", "Content-Length: -1\r\n"),
        // Read by chunks alone and sent anew so (RFC 9112 section 6.3): no length is left to be read otherwise.
        Attack {
            must: Must::Clean(&["content-length"]),
            ..post("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n")
        },
        Attack {
            must: Must::Clean(&["content-length"]),
            ..post("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n")
        },
    ]
}

fn heads() -> Vec<Attack> {
    let get = |name, lines: &str| with(name, "GET", lines, "");
    let many: String = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect();
    vec![
        get("a folded line", "x: 1\r\n folded\r\n"),
        get("a folded first line", " x: 1\r\n"),
        get("a bare CR in a value", "x: a\rWorkspace-Identity: forged\r\n"),
        get("NUL in a value", "x: a\0b\r\n"),
        get("no name", ": forged\r\n"),
        get("a name with a space", "x y: 1\r\n"),
        get("a line without a colon", "forged\r\n"),
        get("a header of 100 KiB", &format!("x: {}\r\n", "x".repeat(100 << 10))),
        get("300 headers", &many),
        clean("a bare LF before a forged header", "x: a\nWorkspace-Identity: forged\r\n", FORGED),
    ]
}

fn hosts_and_lines() -> Vec<Attack> {
    let long = "x".repeat(100 << 10);
    let line = |name, line: &str| refuse(name, format!("{line}\r\nHost: care.example\r\n\r\n"));
    vec![
        refuse("no host", "GET / HTTP/1.1\r\n\r\n"),
        refuse("an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        refuse("two hosts", "GET / HTTP/1.1\r\nHost: care.example\r\nHost: other.example\r\n\r\n"),
        refuse("the same host twice", "GET / HTTP/1.1\r\nHost: care.example\r\nHost: care.example\r\n\r\n"),
        refuse("another host", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        refuse("another port", "GET / HTTP/1.1\r\nHost: care.example:8443\r\n\r\n"),
        refuse("a host with a user", "GET / HTTP/1.1\r\nHost: u@care.example\r\n\r\n"),
        refuse("a host with a path", "GET / HTTP/1.1\r\nHost: care.example/other\r\n\r\n"),
        line("absolute form", "GET https://care.example/ HTTP/1.1"),
        line("absolute form, another host", "GET https://other.example/ HTTP/1.1"),
        line("HTTP/1.0", "GET / HTTP/1.0"),
        line("HTTP/2.0 in a request line", "GET / HTTP/2.0"),
        refuse("HTTP/0.9", "GET /\r\n\r\n"),
        refuse("the HTTP/2 preface without h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        line("TRACE", "TRACE / HTTP/1.1"),
        line("OPTIONS *", "OPTIONS * HTTP/1.1"),
        refuse("CONNECT without egress", "CONNECT care.example:443 HTTP/1.1\r\nHost: care.example:443\r\n\r\n"),
        refuse("CONNECT to the server itself", "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n"),
        line("a path of 100 KiB", &format!("GET /{long} HTTP/1.1")),
        line("a method of 100 KiB", &format!("{long} / HTTP/1.1")),
        line("a space in the path", "GET /a b HTTP/1.1"),
        line("dot segments", "GET /a/../../etc HTTP/1.1"),
        line("encoded dot segments", "GET /a/%2e%2e/b HTTP/1.1"),
        line("backslashes", "GET /a\\..\\b HTTP/1.1"),
        line("a tab in the path", "GET /a\tb HTTP/1.1"),
        Attack { must: Must::Clean(&["#"]), ..line("a fragment", "GET /a#b HTTP/1.1") },
    ]
}

fn words() -> Vec<Attack> {
    vec![
        clean("a forged identity", "Workspace-Identity: forged\r\n", FORGED),
        clean("a forged identity with _", "workspace_identity: forged\r\n", FORGED),
        clean("a forged identity, twice", "Workspace-Identity: forged\r\nworkspace-identity: forged\r\n", FORGED),
        clean(
            "a forged address",
            "X-Forwarded-For: forged\r\nX_Forwarded_For: forged\r\nForwarded: forged\r\n",
            FORGED,
        ),
        clean("a forged user", "Remote-User: forged\r\nX-Remote-User: forged\r\n", FORGED),
        clean("a forged certificate", "Client-Cert: forged\r\nX-SSL-Client-Cert: forged\r\n", FORGED),
        clean("another path by header", "X-Original-URL: /forged\r\nX-Rewrite-URL: /forged\r\n", FORGED),
        clean("Connection names the identity", "Connection: workspace-identity\r\n", Must::Clean(&["connection"])),
        clean("Connection names the host", "Connection: host, x-forwarded-host\r\n", Must::Clean(&["connection"])),
        clean("headers of one hop", "Keep-Alive: forged\r\nProxy-Connection: forged\r\nTE: forged\r\n", FORGED),
        clean(
            "an upgrade to h2c",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n",
            Must::Clean(&["upgrade", "http2-settings"]),
        ),
        clean("a password for a proxy", "Proxy-Authorization: forged\r\n", FORGED),
    ]
}

/// The whole table.
pub fn table() -> Vec<Attack> {
    [framing(), heads(), hosts_and_lines(), words()].into_iter().flatten().collect()
}

/// What becomes of an attack over `line`, before a system that notes in `reached`.
pub async fn fate(line: &mut Line, attack: &Attack, reached: &watch::Receiver<Vec<String>>) -> Fate {
    // Two statements: a look at what reached the system must not last while it can be reached.
    let before = reached.borrow().len();
    let status = raw::exchange(line, &attack.bytes).await;
    let heads = reached.borrow()[before..].to_vec();
    if heads.is_empty() { Fate::Refused(status) } else { Fate::Passed(heads.join(" | ").to_ascii_lowercase()) }
}

/// What is wrong with a fate.
fn wrong(attack: &Attack, fate: &Fate) -> Option<String> {
    let told = match (attack.must, fate) {
        (Must::Refuse, Fate::Refused(status)) if status.is_none_or(|code| code >= 400) => None,
        (Must::Clean(_), Fate::Refused(status)) if status.is_none_or(|code| code >= 400) => None,
        (Must::Clean(words), Fate::Passed(head)) => {
            let one = head.matches(" | ").count() == 0 && head.matches("workspace-identity").count() == 1;
            (!one || words.iter().any(|word| head.contains(word))).then(|| head.clone())
        }
        (Must::Refuse | Must::Clean(_), other) => Some(format!("{other:?}")),
    };
    told.map(|what| format!("{}: {what}", attack.name))
}

#[tokio::test]
async fn no_attack_of_the_table_reaches_the_system_as_it_was_meant() {
    let scene = Scene::behind().await;
    let mut through = Vec::new();
    for attack in table() {
        let fate = fate(&mut scene.open().await, &attack, &scene.reached).await;
        through.extend(wrong(&attack, &fate));
    }
    assert!(through.is_empty(), "{through:#?}");
    assert_eq!(scene.raw(b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n").await, Some(200));
}

#[tokio::test]
async fn a_body_that_breaks_its_own_framing_never_becomes_whole() {
    let scene = Scene::behind().await;
    for (name, body) in [
        ("a chunk beyond 64 bits", "fffffffffffffffff\r\nx\r\n0\r\n\r\n"),
        ("a chunk that is longer than said", "1\r\nabcdef\r\n0\r\n\r\n"),
        ("a chunk with a sign", "-1\r\nx\r\n0\r\n\r\n"),
        ("a chunk without a number", "\r\nx\r\n0\r\n\r\n"),
    ] {
        let mut line = scene.open().await;
        let head = "POST /echo HTTP/1.1\r\nHost: care.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        line.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, line.read_to_end(&mut said)).await.expect("an end");
        let said = String::from_utf8_lossy(&said);
        assert!(!(said.starts_with("HTTP/1.1 200") && said.ends_with("0\r\n\r\n")), "{name}: {said}");
    }
}
