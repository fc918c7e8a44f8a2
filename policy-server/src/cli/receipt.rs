//! `policy-server device receipt`: checks a downloaded receipt offline, without server or data folder.

use std::{path::PathBuf, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use workspace_protocol::{
    crypto::{VerifyingKey, sha256},
    documents::Receipt,
    envelope::{self, Kind},
};

use super::{JsonArg, print_json, read_text, say};
use crate::{clock, failure::Failure, flow::receipt::stage_word};

/// What a receipt's file calls itself.
pub const KIND: &str = "secure-workspace-receipt";

/// Arguments of `device receipt`.
#[derive(Args)]
pub struct ReceiptArgs {
    /// The file, as the console gives it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

/// The parts of the file that are held against what is signed.
#[derive(Deserialize)]
struct Written {
    kind: String,
    device: String,
    epoch: u32,
    seq: u64,
    stage: String,
    envelope: String,
    tombstone_key: String,
}

/// A receipt whose signature fits, and the SHA-256 of it by which the audit log names it.
struct Checked {
    receipt: Receipt,
    digest: String,
}

pub fn run(args: &ReceiptArgs) -> Result<ExitCode, Failure> {
    let name = args.file.display().to_string();
    let checked = check(&name, &read_text(&args.file)?)?;
    let receipt = checked.receipt;
    let (stage, at) = (stage_word(receipt.stage), clock::text(receipt.at));
    if args.json.json {
        print_json(&json!({
            "ok": true, "device": receipt.device.to_string(), "epoch": receipt.epoch.0, "seq": receipt.seq.0,
            "stage": stage, "device_time": at, "sha256": checked.digest,
        }));
    }
    let device = receipt.device.to_string();
    say("receipt-good", &[("device", &device), ("stage", stage), ("time", &at), ("digest", &checked.digest)]);
    Ok(ExitCode::SUCCESS)
}

fn check(name: &str, text: &str) -> Result<Checked, Failure> {
    let unreadable = || Failure::input("receipt-unreadable").with("path", name);
    let written: Written = serde_json::from_str(text).map_err(|_| unreadable())?;
    if written.kind != KIND {
        return Err(unreadable());
    }
    let bytes = B64.decode(&written.envelope).map_err(|_| unreadable())?;
    let key: [u8; 32] =
        B64.decode(&written.tombstone_key).ok().and_then(|key| key.try_into().ok()).ok_or_else(unreadable)?;
    let wrong = || Failure::refused("receipt-wrong").with("path", name);
    let receipt: Receipt = envelope::open(Kind::Receipt, &bytes, &[VerifyingKey(key)]).map_err(|_| wrong())?;
    let same = receipt.device.to_string() == written.device
        && receipt.epoch.0 == written.epoch
        && receipt.seq.0 == written.seq
        && stage_word(receipt.stage) == written.stage;
    if same { Ok(Checked { receipt, digest: hex::encode(sha256(&bytes)) }) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;
    use workspace_protocol::{
        crypto::SigningKey,
        documents::Stage,
        ids::{CommandSeq, DeviceId, Epoch, UnixTime},
    };

    use super::*;

    fn file() -> Value {
        let key = SigningKey::generate().unwrap();
        let device: DeviceId = "7f5df3f0-6b0b-4b3c-9a3e-0d5b6ad1c111".parse().unwrap();
        let (epoch, seq, stage) = (Epoch(1), CommandSeq(4), Stage::Destroyed);
        let receipt = Receipt { device, epoch, seq, stage, at: UnixTime(1_800_000_000) };
        json!({
            "kind": KIND, "device": device.to_string(), "epoch": 1, "label": "PC", "seq": 4, "action": "wipe",
            "stage": "destroyed", "received_at": "2027-01-15T08:00:00Z",
            "envelope": B64.encode(envelope::sign(Kind::Receipt, &receipt, &key)),
            "tombstone_key": B64.encode(key.verifying_key().0),
        })
    }

    fn id(file: &Value) -> String {
        check("r.json", &file.to_string()).map_or_else(|failure| failure.id, |_| "good".to_owned())
    }

    #[test]
    fn a_receipt_is_good_only_as_the_device_signed_it() {
        assert_eq!(id(&file()), "good");
        let changes = [
            ("device", json!("00000000-0000-4000-8000-000000000000")),
            ("epoch", json!(2)),
            ("seq", json!(5)),
            ("stage", json!("accepted")),
            ("tombstone_key", file()["tombstone_key"].clone()),
            ("envelope", file()["envelope"].clone()),
        ];
        for (name, value) in changes {
            let mut changed = file();
            changed[name] = value;
            assert_eq!(id(&changed), "receipt-wrong", "{name}");
        }
    }

    #[test]
    fn what_is_no_receipt_is_told_as_bad_input() {
        for (name, value) in [("kind", json!("x")), ("envelope", json!("%")), ("tombstone_key", json!("AA=="))] {
            let mut changed = file();
            changed[name] = value;
            assert_eq!(id(&changed), "receipt-unreadable", "{name}");
        }
        for text in ["", "[]", "{}", "{\"kind\":1}"] {
            assert_eq!(check("r.json", text).map(|_| ()).unwrap_err().id, "receipt-unreadable", "{text}");
        }
    }
}
