//! The public samples in tests/vectors/attestation, each with its creation clock.
#![allow(dead_code)]

use std::{fs, path::PathBuf};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use policy_server_attestation::{Appraisal, Context, Format, RevocationList, Roots, UnixTime, appraise_file};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/attestation")
}

pub fn at(text: &str) -> UnixTime {
    UnixTime(OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp())
}

pub fn base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// Runs with the built-in roots and list.
pub fn context<T>(format: Format, at: UnixTime, challenge: Option<&[u8]>, run: impl FnOnce(&Context<'_>) -> T) -> T {
    let roots = Roots::built_in(format).unwrap();
    let revoked = RevocationList::built_in().unwrap();
    run(&Context { roots: &roots, revoked: &revoked, at, challenge })
}

pub fn judge(format: Format, file: &[u8], at: UnixTime) -> Appraisal {
    context(format, at, None, |context| appraise_file(format, file, context).unwrap())
}

pub struct Android {
    pub name: String,
    pub pem: Vec<u8>,
    pub json: Option<Value>,
    pub at: UnixTime,
}

pub fn android() -> Vec<Android> {
    let mut samples = Vec::new();
    for device in ["akita/sdk34", "blueline/sdk28"] {
        let folder = folder().join("android").join(device);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                samples.push(android_sample(&path));
            }
        }
    }
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

fn android_sample(path: &std::path::Path) -> Android {
    let json: Option<Value> =
        fs::read(path.with_extension("json")).ok().map(|json| serde_json::from_slice(&json).unwrap());
    let created = json
        .as_ref()
        .map(|json| json["softwareEnforced"]["creationDateTime"].as_str().unwrap().parse::<i64>().unwrap());
    Android {
        name: path.display().to_string(),
        pem: fs::read(path).unwrap(),
        at: UnixTime(created.unwrap_or(1_727_389_885_676) / 1000),
        json,
    }
}

pub struct Apple {
    pub name: &'static str,
    pub attestation: bool,
    pub json: Vec<u8>,
    pub public_key: String,
    pub counter: u64,
    pub at: UnixTime,
}

/// Attestation and assertion of each file, in the form of the command.
pub fn apple() -> Vec<Apple> {
    ["ios-14.2", "ios-14.3"].into_iter().flat_map(apple_file).collect()
}

fn apple_file(name: &'static str) -> Vec<Apple> {
    let text = fs::read_to_string(folder().join("app-attest").join(format!("{name}.yaml"))).unwrap();
    let documents: Vec<Vec<(String, String)>> = text.split("\n---\n").map(document).collect();
    let wanted =
        documents.iter().filter(|document| ["attestation", "assertion"].contains(&get(document, "type").as_str()));
    wanted.map(|document| apple_sample(name, document)).collect()
}

fn apple_sample(name: &'static str, fields: &[(String, String)]) -> Apple {
    let attestation = get(fields, "type") == "attestation";
    let public_key = get(fields, "publicKey");
    let (team, bundle) = (get(fields, "teamIdentifier"), get(fields, "bundleIdentifier"));
    let json = match attestation {
        true => json!({
            "type": "attestation", "attestation": get(fields, "attestationBase64"), "keyId": get(fields, "keyIdBase64"),
            "clientDataHash": get(fields, "clientDataHashSha256Base64"), "teamId": team, "bundleId": bundle,
            "environment": get(fields, "environment"),
        }),
        false => json!({
            "type": "assertion", "assertion": get(fields, "assertionBase64"), "publicKey": public_key,
            "clientData": get(fields, "clientDataBase64"), "teamId": team, "bundleId": bundle, "previousCounter": 0,
        }),
    };
    let counter = if attestation { 0 } else { get(fields, "counter").parse().unwrap() };
    let at = at(&get(fields, "timestamp"));
    Apple { name, attestation, json: json.to_string().into_bytes(), public_key, counter, at }
}

/// The little of YAML that the samples use: flat texts and one block.
fn document(text: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(block) = line.strip_prefix("  ") {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str(block);
                value.push('\n');
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let value = value.trim().trim_matches('\'').trim_start_matches('|');
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    fields
}

fn get(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

pub fn webauthn(name: &str) -> Vec<u8> {
    let json: Value =
        serde_json::from_slice(&fs::read(folder().join("webauthn").join(format!("{name}.json"))).unwrap()).unwrap();
    let text = json["response"]["attestationObject"].as_str().unwrap().trim_end_matches('=').to_owned();
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The certificates of a WebAuthn statement.
pub fn webauthn_chain(name: &str) -> Vec<Vec<u8>> {
    let object: ciborium::Value = ciborium::from_reader(webauthn(name).as_slice()).unwrap();
    let find = |value: &ciborium::Value, name: &str| {
        let entries = value.as_map().unwrap();
        entries.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value.clone()).unwrap()
    };
    let chain = find(&find(&object, "attStmt"), "x5c");
    chain.as_array().unwrap().iter().map(|certificate| certificate.as_bytes().unwrap().clone()).collect()
}

pub fn event_log(name: &str) -> Vec<u8> {
    fs::read(folder().join("eventlog").join(format!("{name}.bin"))).unwrap()
}

/// Registers of the machines, from the tests of google/go-eventlog (`tpmeventlog/replay_test.go`).
pub const LOG_REGISTERS: &[(&str, &str, &str, &str)] = &[
    ("glinux-alex", "sha1", "0", "29d236609a5f9cc6912af44ba5f57b13a17c8a84"),
    ("glinux-alex", "sha1", "7", "9221b8fc57b60cb7de507dc016f88d4600cde9c5"),
    ("glinux-alex", "sha256", "0", "0e5ea849d7647a1ac1becc096fee4df98f00f8015f934afadaab0b8aa20b38a5"),
    ("glinux-alex", "sha256", "4", "ddb124ca9013f1e42f98537f7f381e47c5e6caa988cf2b4088f452c5a8dd912d"),
    ("glinux-alex", "sha256", "5", "fb58603615cfec59c0428e71913d30d45f38e4280380cc814135a7659c246b13"),
    ("glinux-alex", "sha256", "7", "9d1be46302bc4f5055c90a0376d9142e397ca8744f387c9824170f1bc855fde5"),
    ("ubuntu-1804-amd-sev", "sha1", "4", "41c68947aeee8a59110c7989a9b7a55df547f003"),
    ("ubuntu-1804-amd-sev", "sha1", "7", "6530ed2dcba68801c78ca08753f239118bead7c8"),
    ("ubuntu-1804-amd-sev", "sha256", "0", "0f35c214608d93c7a6e68ae7359b4a8be5a0e99eea9107ece427c4dea4e439cf"),
    ("ubuntu-1804-amd-sev", "sha256", "7", "61af3f499f1a86be54458fd30d193fa913a7e23ca3103fa3d0abaefd3cd4f9b8"),
    ("ubuntu-1804-amd-sev", "sha256", "9", "2d334f1eeb9a16dabaccaa746ff1c0dce2e9aeb3f3a4a314e5e1e61b01e940d0"),
];

pub fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// The day the simulated TPM was made.
pub const SWTPM_AT: UnixTime = UnixTime(1_795_500_000);

/// A quote of the simulated TPM, with the log of the machine whose events were extended into it.
pub fn swtpm(name: &str) -> Value {
    let file = fs::read(folder().join("tpm").join(format!("swtpm-{name}.json"))).unwrap();
    let mut json: Value = serde_json::from_slice(&file).unwrap();
    json["eventLog"] = json!(base64(&event_log("cos-85-amd-sev")));
    json
}

pub fn swtpm_root_pem() -> String {
    fs::read_to_string(folder().join("tpm/swtpm-root.pem")).unwrap()
}

pub fn swtpm_roots() -> Roots {
    Roots::parse(swtpm_root_pem().as_bytes()).unwrap()
}

pub fn pem_chain(pem: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(pem).unwrap();
    text.split("-----END CERTIFICATE-----").filter(|block| block.contains("BEGIN")).map(from_pem).collect()
}

/// The one block of a text.
pub fn from_pem(text: &str) -> Vec<u8> {
    let lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    unbase64(&lines.take_while(|line| !line.starts_with("-----")).collect::<String>())
}

pub fn to_pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(der))
}

/// Where the receipt lies in an attestation object.
pub fn receipt(object: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = object.windows(8).position(|window| window == b"greceipt")? + 8;
    let end = object.windows(9).position(|window| window == b"hauthData")?;
    Some(start..end)
}
