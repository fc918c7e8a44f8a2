//! `bench attest`: how often a second one core judges a piece of evidence, beside bare signatures in the same run.

use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use policy_server_attestation::Verdict;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use serde_json::json;
use workspace_words::Lang;

use super::attest::{Subject, SubjectArgs, bad_input};
use crate::failure::Failure;

/// What is judged, and how long.
#[derive(clap::Args)]
pub struct AttestBenchArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Rounds of both in turn; the median of each is told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Measures and prints one JSON object: `per_second` and core, `p256_per_second` of bare verifications, and how many of
/// those one judgement costs. Evidence that is refused is measured as well, `verdict` says it.
///
/// # Errors
/// When no random key can be made.
pub fn run(args: &AttestBenchArgs) -> Result<ExitCode, Failure> {
    let subject = match Subject::read(&args.subject) {
        Ok(subject) => subject,
        Err(error) => return Ok(bad_input(Lang::of_environment(), &error)),
    };
    let verdict = match subject.appraise() {
        Ok(appraisal) => appraisal.verdict(),
        Err(error) => return Ok(bad_input(Lang::of_environment(), &super::attest::BadInput::Evidence(error))),
    };
    let signature = Signature::new().ok_or_else(|| Failure::refused("bench-failed").with("error", "no random key"))?;
    let time = Duration::from_secs(args.seconds.max(1));
    let (mut judged, mut verified) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds.max(1) {
        judged.push(rate(time, || subject.appraise().is_ok()));
        verified.push(rate(time, || signature.holds()));
    }
    let (judged, verified) = (median(judged), median(verified));
    println!(
        "{}",
        json!({
            "bench": "attest",
            "format": subject.format().to_string(),
            "bytes": subject.size(),
            "verdict": if verdict == Verdict::Genuine { "genuine" } else { "refused" },
            "per_second": judged.round(),
            "p256_per_second": verified.round(),
            "p256_each": (verified / judged * 100.0).round() / 100.0,
        })
    );
    Ok(ExitCode::SUCCESS)
}

/// A signature of the kind that most evidence carries.
struct Signature {
    key: Vec<u8>,
    made: Vec<u8>,
}

const MESSAGE: [u8; 200] = [7; 200];

impl Signature {
    fn new() -> Option<Self> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).ok()?;
        let made = pair.sign(&random, &MESSAGE).ok()?.as_ref().to_vec();
        Some(Self { key: pair.public_key().as_ref().to_vec(), made })
    }

    fn holds(&self) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.key).verify(black_box(&MESSAGE), &self.made).is_ok()
    }
}

/// How often a second `operation` runs on this thread.
fn rate(time: Duration, operation: impl Fn() -> bool) -> f64 {
    let start = Instant::now();
    let mut times = 0_u32;
    while start.elapsed() < time {
        black_box(operation());
        times = times.saturating_add(1);
    }
    f64::from(times) / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
