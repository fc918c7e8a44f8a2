//! The policy file: read whole, or refused whole with file, line and key.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

/// The example of policy.md section 2, with a CA beside it.
const EXAMPLE: &str = include_str!("../../tests/data/home-care.toml");

/// The faults of the example after `from` became `to`, as `line key: message`.
fn faults(from: &str, to: &str) -> Vec<String> {
    assert!(EXAMPLE.contains(from), "{from}");
    let errors = Policy::parse("p.toml", &EXAMPLE.replacen(from, to, 1)).unwrap_err();
    assert!(errors.errors().iter().all(|error| error.file == "p.toml"));
    errors.errors().iter().map(|error| format!("{} {}: {}", error.line, error.key, error.message)).collect()
}

fn line_of(text: &str) -> usize {
    1 + EXAMPLE.lines().position(|line| line.contains(text)).unwrap()
}

#[test]
fn the_designs_example_reads_as_it_says() {
    let policy = Policy::parse("p.toml", EXAMPLE).unwrap();
    let session = policy.session();
    assert_eq!(policy.name(), "home-care");
    assert_eq!(
        (session.idle_lock.as_secs(), session.idle_wipe.as_secs(), session.lease.as_secs()),
        (300, 1800, 28_800)
    );
    assert!(!policy.screen().capture_allowed && policy.screen().watermark);
    assert!(policy.clipboard().inside && !policy.clipboard().paste_in);
    assert_eq!((policy.posture().os_supported, policy.posture().disk_encryption), (Level::Block, Level::Warn));
    let system = policy.system("mcs").unwrap();
    assert_eq!((system.title.en.as_str(), system.kind), ("Medical Care Station", SystemKind::Collaboration));
    assert_eq!((system.upload, system.download, system.network), (Upload::Camera, Download::None, Network::Public));
    assert_eq!(system.allow[0].line, line_of("\"medical-care.net\","));
    assert_eq!(system.allow[1].kinds.to_string(), "script, style, image, font");
    assert_eq!(policy.ca("care").unwrap().len(), 1);
    assert_eq!(policy.system("records").unwrap().trust, TrustRule::Ca("care".into()));
    assert!(policy.ca("other").is_none());
}

#[test]
fn what_is_left_out_is_never_an_allowance() {
    let policy = Policy::parse("p", "schema = 1\nname = \"n\"\n[[system]]\nid = \"s\"\ntitle = { ja = \"題\" }\nstart = \"https://h.example/\"\nallow = []\n").unwrap();
    let system = policy.system("s").unwrap();
    assert!(!(system.camera || system.microphone || system.geolocation || system.print));
    assert_eq!((system.upload, system.download, system.network), (Upload::None, Download::None, Network::Public));
    assert_eq!(
        (&system.trust, system.clipboard_group.as_str(), system.title.en.as_str()),
        (&TrustRule::System, "s", "題")
    );
    assert!(!policy.screen().capture_allowed && !policy.clipboard().inside && !policy.clipboard().paste_in);
}

#[test]
fn an_unknown_key_anywhere_refuses_the_document() {
    for (from, to, key) in [
        ("schema = 1", "schema = 1\nextra = 1", "extra"),
        ("idle_lock  =", "idle_look =", "session.idle_look"),
        ("capture    =", "captures =", "screen.captures"),
        ("paste_in   =", "paste_out =", "clipboard.paste_out"),
        ("rooted     ", "routed ", "posture.routed"),
        ("minimum    =", "maximum =", "attestation.maximum"),
        ("camera = true", "camra = true", "system[0].camra"),
        ("ja = \"メ", "jp = \"x\", ja = \"メ", "system[0].title.jp"),
        (", as = [\"image\"", ", ass = [\"image\"", "system[0].allow[1].ass"),
        ("name = \"care\"", "name = \"care\"\nkey = \"x\"", "ca[0].key"),
    ] {
        let found = faults(from, to);
        assert!(
            found.iter().any(|fault| fault.contains(&format!(" {key}: unknown key; known here: "))),
            "{key}: {found:?}"
        );
    }
}

#[test]
fn an_unknown_value_refuses_the_document_and_names_its_line() {
    for (from, to, key) in [
        ("schema = 1", "schema = 2", "schema"),
        ("\"home-care\"", "\"Home Care\"", "name"),
        ("\"5m\"", "\"5 minutes\"", "session.idle_lock"),
        ("\"30m\"", "30", "session.idle_wipe"),
        ("[\"ja\", \"en\"]", "[\"ja\", \"fr\"]", "session.languages[1]"),
        ("capture    = \"block\"", "capture = \"maybe\"", "screen.capture"),
        ("paste_in   = false", "paste_in = \"no\"", "clipboard.paste_in"),
        ("debugger        = \"block\"", "debugger = \"kill\"", "posture.debugger"),
        ("debugger        = \"block\"", "canary = \"0%\"", "posture.canary"),
        ("debugger        = \"block\"", "canary = \"101%\"", "posture.canary"),
        ("debugger        = \"block\"", "canary = \"5\"", "posture.canary"),
        ("debugger        = \"block\"", "unknown = \"deny\"", "posture.unknown"),
        ("\"software\"", "\"hardware\"", "attestation.minimum"),
        ("kind   = \"collaboration\"", "kind = \"chat\"", "system[0].kind"),
        ("\"https://www.medical-care.net/\"", "\"javascript:1\"", "system[0].start"),
        ("\"tokyo/shinjuku\"", "\"Tokyo\"", "system[0].area[0]"),
        ("\"medical-care.net\",", "\"*.medical-care.net\",", "system[0].allow[0]"),
        ("\"medical-care.net\",", "5,", "system[0].allow[0]"),
        ("\"static.medical-care.net\"", "\"co.jp\"", "system[0].allow[1].url"),
        ("\"style\", ", "\"video\", ", "system[0].allow[1].as[1]"),
        ("upload = \"camera\"", "upload = \"all\"", "system[0].upload"),
        ("network = \"public\"", "network = \"any\"", "system[0].network"),
        ("trust = \"system\"", "trust = \"sha256/AA\"", "system[0].trust"),
        ("trust = \"system\"", "trust = \"none\"", "system[0].trust"),
        ("trust = \"ca:care\"", "trust = \"ca:cure\"", "system[1].trust"),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN GARBAGE-----", "ca[0].pem"),
    ] {
        let found = faults(from, to);
        assert!(found.iter().any(|fault| fault.contains(&format!(" {key}: "))), "{key}: {found:?}");
    }
    assert_eq!(
        faults("capture    = \"block\"", "capture = \"maybe\""),
        [format!("{} screen.capture: unknown value; must be one of: block, allow", line_of("capture "))]
    );
}

#[test]
fn missing_keys_doubles_and_contradictions_refuse_the_document() {
    for (from, to, key) in [
        ("name   = \"home-care\"", "", "name"),
        ("id     = \"mcs\"", "", "system[0].id"),
        ("id     = \"mcs\"", "id = \"records\"", "system[1].id"),
        ("idle_wipe  = \"30m\"", "idle_wipe = \"1m\"", "session.idle_wipe"),
        ("[\"image\", \"style\", \"script\", \"font\"]", "[]", "system[0].allow[1].as"),
        (
            "title  = { ja = \"メディカルケアステーション\", en = \"Medical Care Station\" }",
            "title = {}",
            "system[0].title.ja",
        ),
    ] {
        let found = faults(from, to);
        assert!(found.iter().any(|fault| fault.contains(&format!(" {key}: "))), "{key}: {found:?}");
    }
    assert!(faults("schema = 1", "schema = 1\nschema = 1")[0].contains("not TOML"));
    assert!(faults("[session]", "[session")[0].starts_with(&format!("{} : not TOML", line_of("[session]"))));
}

#[test]
fn every_fault_is_told_in_the_order_of_the_file() {
    let found = faults("[session]", "zeta = 1\n[session]\nx = 1\ny = 1\n");
    let keys: Vec<&str> = found.iter().map(|fault| fault.split([' ', ':']).nth(1).unwrap()).collect();
    assert_eq!(keys, ["zeta", "session.x", "session.y"]);
}

#[test]
fn more_entries_than_the_limit_are_refused() {
    let with = |count: usize| {
        let allow: String = (0..count).map(|n| format!("\"h{n}.example\",")).collect();
        format!(
            "schema = 1\nname = \"n\"\n[[system]]\nid = \"s\"\ntitle = {{ en = \"t\" }}\nstart = \"https://h1.example\"\nallow = [{allow}]\n"
        )
    };
    assert!(Policy::parse("p", &with(MAX_ENTRIES)).is_ok());
    assert!(Policy::parse("p", &with(MAX_ENTRIES + 1)).is_err());
    assert!(Policy::parse("p", &format!("#{}", "x".repeat(MAX_FILE))).is_err());
}

#[test]
fn deep_nesting_is_refused_without_a_panic() {
    let deep = format!("schema = 1\nname = \"n\"\nx = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Policy::parse("p", &deep).is_err());
    assert!(Policy::parse("p", &format!("{}x = 1", "a.".repeat(100_000))).is_err());
}

#[test]
fn a_gateway_has_one_plain_address_and_at_least_one_key() {
    const PIN: &str = "\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"";
    let with = |lines: &str| Policy::parse("p", &format!("{EXAMPLE}\n[gateway]\n{lines}\n"));
    for (address, shown) in [
        ("gw.test", "gw.test:443"),
        ("gw.test:8444", "gw.test:8444"),
        ("192.0.2.1:443", "192.0.2.1:443"),
        ("[fd00::1]:1", "[fd00::1]:1"),
    ] {
        let policy = with(&format!("address = \"{address}\"\npins = [{PIN}]")).unwrap();
        assert_eq!(policy.gateway().unwrap().to_string(), shown);
    }
    for address in
        ["", "https://gw.test", "gw.test/", "gw.test:0", "gw.test:x", "GW.test", "u@gw.test", "0x7f.1", "gw.test:8444?"]
    {
        let errors = with(&format!("address = \"{address}\"\npins = [{PIN}]")).unwrap_err();
        assert!(errors.errors().iter().any(|error| error.key == "gateway.address"), "{address}: {errors}");
    }
    for lines in ["pins = []", "", "pins = [\"sha256/AA\"]", &format!("pins = [{PIN}]\nkey = 1")] {
        assert!(with(&format!("address = \"gw.test\"\n{lines}")).is_err(), "{lines}");
    }
    assert_eq!(Policy::parse("p", EXAMPLE).unwrap().gateway(), None);
}

#[test]
fn a_canary_is_a_share_of_the_group() {
    let share = |text: &str| {
        let with = format!("[posture]\ncanary = \"{text}\"\nplain_swap = \"warn\"");
        let policy = Policy::parse("p.toml", &EXAMPLE.replacen("[posture]", &with, 1)).unwrap();
        assert_eq!((policy.posture().plain_swap, policy.posture().unknown), (Level::Warn, Level::Warn));
        policy.posture().canary
    };
    assert_eq!(["5%", "0.5%", "0.05%", "100%"].map(share), [500, 50, 5, 10_000]);
    assert_eq!(Policy::parse("p.toml", EXAMPLE).unwrap().posture().canary, Posture::EVERYONE);
}
