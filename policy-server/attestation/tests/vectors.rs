//! Every public sample is judged right at its creation clock.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used)]

mod samples;

use policy_server_attestation::{Code, Context, Format, RevocationList, Roots, Tier, UnixTime, Verdict, appraise_file};
use samples::{android, apple, at, context, judge};
use serde_json::Value;

#[test]
fn android_samples_are_genuine_and_say_what_their_json_says() {
    let samples = android();
    assert_eq!(samples.len(), 10);
    for sample in samples {
        let appraisal = judge(Format::AndroidKey, &sample.pem, sample.at);
        assert_eq!(appraisal.verdict(), Verdict::Genuine, "{} {:?}", sample.name, appraisal.reasons());
        assert_eq!(appraisal.tier(), Some(Tier::A1), "{}", sample.name);
        assert_eq!(
            appraisal.reasons(),
            [Code::AndroidBootloaderUnlocked, Code::AndroidBootUnverified],
            "{}",
            sample.name
        );
        let Some(json) = sample.json else { continue };
        let claims = Value::Object(appraisal.claims().clone());
        for (name, value) in json.as_object().unwrap() {
            assert_eq!(&claims[name], value, "{} {name}", sample.name);
        }
        for name in ["osVersion", "osPatchLevel", "origin"] {
            assert_eq!(claims[name], json["hardwareEnforced"][name], "{} {name}", sample.name);
        }
        for name in ["deviceLocked", "verifiedBootState"] {
            assert_eq!(claims[name], json["hardwareEnforced"]["rootOfTrust"][name], "{} {name}", sample.name);
        }
    }
}

#[test]
fn a_remotely_provisioned_chain_is_refused_outside_its_weeks() {
    let sample =
        android().into_iter().find(|sample| sample.name.contains("akita") && sample.name.contains("TEE_EC")).unwrap();
    let late = judge(Format::AndroidKey, &sample.pem, UnixTime(1_800_000_000));
    assert_eq!(late.reasons(), [Code::ChainExpired]);
    let early = judge(Format::AndroidKey, &sample.pem, UnixTime(1_700_000_000));
    assert_eq!(early.reasons(), [Code::ChainNotYetValid]);
}

#[test]
fn a_factory_chain_counts_after_its_time_and_says_so() {
    let sample = android()
        .into_iter()
        .find(|sample| sample.name.contains("blueline") && sample.name.contains("TEE_EC"))
        .unwrap();
    let late = judge(Format::AndroidKey, &sample.pem, UnixTime(1_900_000_000));
    assert_eq!(late.verdict(), Verdict::Genuine);
    assert!(late.notes().contains(&Code::AndroidFactoryExpired));
}

#[test]
fn a_listed_serial_refuses_the_chain_suspended_or_revoked() {
    let sample =
        android().into_iter().find(|sample| sample.name.contains("akita") && sample.name.contains("TEE_EC")).unwrap();
    let roots = Roots::built_in(Format::AndroidKey).unwrap();
    // The attestation certificate, an intermediate in other spelling, and another one in decimal.
    let serials =
        ["4f47dffaecc3f58346fb7815514e0dcc", "00BFC61F12DB0CCE5BC16832D05E052E488CB284", "16678623929118693426702"];
    for (status, code) in [("REVOKED", Code::RevocationRevoked), ("SUSPENDED", Code::RevocationSuspended)] {
        for serial in serials {
            let list = format!(r#"{{"entries":{{"{serial}":{{"status":"{status}"}}}}}}"#);
            let revoked = RevocationList::parse(list.as_bytes()).unwrap();
            let context = Context { roots: &roots, revoked: &revoked, at: sample.at, challenge: None };
            let appraisal = appraise_file(Format::AndroidKey, &sample.pem, &context).unwrap();
            assert_eq!(appraisal.reasons(), [code], "{serial}");
        }
    }
}

#[test]
fn apple_samples_are_genuine_at_their_time_only() {
    let samples = apple();
    assert_eq!(samples.len(), 4);
    for sample in samples {
        let appraisal = judge(Format::AppleAppAttest, &sample.json, sample.at);
        assert_eq!(appraisal.verdict(), Verdict::Genuine, "{} {:?}", sample.name, appraisal.reasons());
        assert_eq!(appraisal.tier(), Some(Tier::A1));
        assert_eq!(appraisal.claims()["publicKey"], sample.public_key.as_str());
        assert_eq!(appraisal.claims()["counter"], sample.counter);
        let late = judge(Format::AppleAppAttest, &sample.json, UnixTime(1_800_000_000));
        match sample.attestation {
            true => assert_eq!(late.reasons(), [Code::ChainExpired]),
            false => assert_eq!(late.verdict(), Verdict::Genuine),
        }
    }
}

#[test]
fn apple_samples_are_refused_for_another_app_environment_counter_or_challenge() {
    for sample in apple() {
        let edit = |name: &str, value: Value| {
            let mut json: Value = serde_json::from_slice(&sample.json).unwrap();
            json[name] = value;
            judge(Format::AppleAppAttest, json.to_string().as_bytes(), sample.at).reasons().to_vec()
        };
        assert_eq!(edit("teamId", "6MURL8TA58".into()), [Code::AppleAppId]);
        assert_eq!(edit("bundleId", "de.other".into()), [Code::AppleAppId]);
        if sample.attestation {
            assert_eq!(edit("environment", "production".into()), [Code::AppleEnvironment]);
            assert_eq!(edit("keyId", "AAAA".into()), [Code::AppleKeyId]);
            assert_eq!(edit("clientDataHash", "AAAA".into()), [Code::AppleNonce]);
        } else {
            assert_eq!(edit("previousCounter", 1.into()), [Code::AppleCounter]);
            assert_eq!(edit("clientData", "AAAA".into()), [Code::AppleSignature]);
        }
    }
}

#[test]
fn the_challenge_inside_must_be_the_one_asked_for() {
    let android = &android()[0];
    let apple = apple();
    let right: [(Format, &[u8], UnixTime, &[u8]); 3] = [
        (Format::AndroidKey, &android.pem, android.at, b"challenge"),
        (Format::AppleAppAttest, &apple[0].json, apple[0].at, b"wurzelpfropf"),
        (Format::AppleAppAttest, &apple[1].json, apple[1].at, b"wurzel"),
    ];
    for (format, file, at, challenge) in right {
        let judge = |challenge: Option<&[u8]>| {
            context(format, at, challenge, |context| appraise_file(format, file, context).unwrap())
        };
        assert_eq!(judge(Some(challenge)).verdict(), Verdict::Genuine);
        assert_eq!(judge(Some(b"another one")).reasons(), [Code::ChallengeMismatch]);
        assert!(judge(None).notes().contains(&Code::ChallengeUnchecked));
    }
}

#[test]
fn objects_of_webauthn_are_not_taken_for_ours() {
    for name in ["apple-01", "packed-01", "packed-02", "packed-03", "android-key-01"] {
        let object = samples::webauthn(name);
        let file = serde_json::json!({
            "type": "attestation", "attestation": samples::base64(&object), "keyId": "AAAA", "clientDataHash": "AAAA",
            "teamId": "T", "bundleId": "b", "environment": "production",
        });
        let appraisal = judge(Format::AppleAppAttest, file.to_string().as_bytes(), at("2020-10-07T10:00:00Z"));
        assert_eq!(appraisal.reasons(), [Code::AppleFormat], "{name}");
    }
    let chain = samples::webauthn_chain("android-key-01");
    let appraisal = policy_server_attestation::android::appraise;
    let reasons = context(Format::AndroidKey, at("2018-01-26T00:00:00Z"), None, |context| {
        appraisal(&chain, None, context).reasons().to_vec()
    });
    assert_eq!(reasons, [Code::ChainUntrusted]);
}

#[test]
fn event_logs_replay_to_the_registers_their_machines_had() {
    for (name, bank, register, value) in samples::LOG_REGISTERS {
        let log = samples::event_log(name);
        let appraisal = policy_server_attestation::tpm::appraise_event_log(&log);
        assert_eq!(appraisal.verdict(), Verdict::Genuine, "{name} {:?}", appraisal.reasons());
        assert_eq!(appraisal.claims()["pcrs"][bank][register], *value, "{name} {bank} {register}");
    }
}

#[test]
fn secure_boot_is_judged_from_the_events() {
    let expected = [
        ("cos-85-amd-sev", Value::Bool(true)),
        ("cos-93-amd-sev", Value::Bool(true)),
        ("cos-101-amd-sev", Value::Bool(true)),
        ("ubuntu-1804-amd-sev", Value::Bool(false)),
        ("debian-10", Value::Bool(true)),
        ("glinux-alex", Value::Bool(false)),
    ];
    for (name, secure_boot) in expected {
        let appraisal = policy_server_attestation::tpm::appraise_event_log(&samples::event_log(name));
        assert_eq!(appraisal.claims()["secureBoot"], secure_boot, "{name} {}", appraisal.claims()["secureBootKeys"]);
        assert_eq!(appraisal.tier(), Some(Tier::A0));
    }
}
