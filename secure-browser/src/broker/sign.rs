//! Request signatures (RFC 9421): a system sees that this very request comes from a workspace, without a gateway's word.
//!
//! Covered are method, authority, path, query and the device's certificate, which goes along as `Client-Cert` (RFC 9440),
//! so that a system needs to know nothing but the organisation's device CA.

use base64::{Engine, prelude::BASE64_STANDARD as B64};
use http::{HeaderValue, request::Parts};
use url::{Position, Url};
use workspace_protocol::{crypto::sha256, ids::UnixTime, reason::Reason};

use super::identity::Identity;

/// What is signed, in this order.
const COVERED: &str = r#"("@method" "@authority" "@path" "@query" "client-cert")"#;
/// Name of the signature among others.
const LABEL: &str = "workspace";
/// Headers that a page may not set where requests are signed.
const OURS: [&str; 4] = ["signature", "signature-input", "client-cert", "client-cert-chain"];
/// Half of an ECDSA P-256 signature, in bytes.
const HALF: usize = 32;

/// Signs a request to `url` that is otherwise ready to be sent.
///
/// # Errors
/// [`Reason::RequestUnsigned`] if the supervisor does not sign.
pub async fn sign(parts: &mut Parts, url: &Url, identity: &Identity, now: UnixTime) -> Result<(), Reason> {
    let leaf = identity.leaf().ok_or(Reason::RequestUnsigned)?;
    let certificate = format!(":{}:", B64.encode(&leaf));
    let key = webpki::EndEntityCert::try_from(&leaf).map_err(|_| Reason::RequestUnsigned)?;
    let keyid = hex::encode(sha256(&key.subject_public_key_info()));
    let terms = format!(r#"{COVERED};created={};keyid="{keyid}";alg="ecdsa-p256-sha256";tag="workspace""#, now.0);
    let base = base(parts.method.as_str(), url, &certificate, &terms);
    let signature = identity.sign(base.as_bytes()).await.and_then(|der| fixed(&der)).ok_or(Reason::RequestUnsigned)?;
    for name in OURS {
        parts.headers.remove(name);
    }
    let signature = format!("{LABEL}=:{}:", B64.encode(signature));
    for (name, value) in
        [("client-cert", certificate), ("signature-input", format!("{LABEL}={terms}")), ("signature", signature)]
    {
        parts.headers.insert(name, HeaderValue::try_from(value).map_err(|_| Reason::RequestUnsigned)?);
    }
    Ok(())
}

/// The text that is signed (RFC 9421 section 2.5).
fn base(method: &str, url: &Url, certificate: &str, terms: &str) -> String {
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let (path, query) = (url.path(), url.query().unwrap_or_default());
    format!(
        "\"@method\": {method}\n\"@authority\": {authority}\n\"@path\": {path}\n\"@query\": ?{query}\n\
         \"client-cert\": {certificate}\n\"@signature-params\": {terms}"
    )
}

/// An ECDSA signature in the form that HTTP wants, both numbers in 32 bytes each, from ASN.1 DER.
fn fixed(der: &[u8]) -> Option<[u8; 2 * HALF]> {
    let [0x30, length, body @ ..] = der else { return None };
    let (r, rest) = integer(body)?;
    let (s, rest) = integer(rest)?;
    let mut out = [0; 2 * HALF];
    let (high, low) = out.split_at_mut(HALF);
    high.copy_from_slice(&r);
    low.copy_from_slice(&s);
    (usize::from(*length) == body.len() && rest.is_empty()).then_some(out)
}

fn integer(der: &[u8]) -> Option<([u8; HALF], &[u8])> {
    let [0x02, length, body @ ..] = der else { return None };
    let (number, rest) = body.split_at_checked(usize::from(*length))?;
    let digits = match number {
        [0, digits @ ..] => digits,
        digits => digits,
    };
    let mut out = [0; HALF];
    let from = HALF.checked_sub(digits.len())?;
    out.get_mut(from..)?.copy_from_slice(digits);
    Some((out, rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_the_standards() {
        let url = Url::parse("https://care.example:8443/a/b%20c?x=%2F&y").unwrap();
        assert_eq!(
            base("POST", &url, ":QQ==:", "(...);created=1"),
            "\"@method\": POST\n\"@authority\": care.example:8443\n\"@path\": /a/b%20c\n\"@query\": ?x=%2F&y\n\
             \"client-cert\": :QQ==:\n\"@signature-params\": (...);created=1"
        );
        let plain = Url::parse("https://care.example/").unwrap();
        assert!(base("GET", &plain, "", "").contains("\"@authority\": care.example\n\"@path\": /\n\"@query\": ?\n"));
    }

    #[test]
    fn a_short_number_is_filled_up_and_anything_else_is_no_signature() {
        let mut long = vec![0x30, 2 + 33 + 2 + 1, 0x02, 33, 0];
        long.extend([0xff; 32]);
        long.extend([0x02, 1, 5]);
        let out = fixed(&long).unwrap();
        assert_eq!((out[..32].to_vec(), out[63], out[32..63].iter().all(|byte| *byte == 0)), (vec![0xff; 32], 5, true));
        for at in 0..long.len() {
            assert_eq!(fixed(&long[..at]), None, "{at}");
        }
        long.push(0);
        assert_eq!(fixed(&long), None);
    }
}
