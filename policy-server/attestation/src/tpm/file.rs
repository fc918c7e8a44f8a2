//! The evidence file of contract.md: a quote and what goes with it, in JSON.

use serde_json::Value;

use super::{Evidence, Registers, appraise as appraise_evidence};
use crate::{
    Appraisal, CHAIN_MAX, Code, Context, Format, Malformed,
    fields::{FieldError, Fields, decode},
    pem,
};

/// Judges the file.
///
/// # Errors
/// [`Malformed`] if it is not such JSON.
pub(crate) fn appraise(file: &[u8], context: &Context<'_>) -> Result<Appraisal, Malformed> {
    let mut fields = Fields::parse(file)?;
    match read(&mut fields, context) {
        Ok(appraisal) => Ok(appraisal),
        Err(FieldError::Refused(code)) => Ok(Appraisal::refused(Format::Tpm2, code)),
        Err(FieldError::Malformed) => Err(Malformed),
    }
}

fn read(fields: &mut Fields, context: &Context<'_>) -> Result<Appraisal, FieldError> {
    let (ak_public, quote) = (fields.octets("akPublic")?, fields.octets("quote")?);
    let signature = fields.octets("signature")?;
    let registers = fields.value("pcrs").map(|value| Registers::from_json(&value)).transpose()?;
    let event_log = fields.optional_octets("eventLog")?;
    let ek_chain = fields.value("ekChain").map(chain).transpose()?.unwrap_or_default();
    let evidence = Evidence {
        ak_public: &ak_public,
        quote: &quote,
        signature: &signature,
        registers: registers.as_ref(),
        event_log: event_log.as_deref(),
        ek_chain: &ek_chain,
        certified_before: false,
        activated: None,
    };
    Ok(appraise_evidence(&evidence, context))
}

/// A list of certificates in base64 or PEM, or one PEM text of them all.
fn chain(value: Value) -> Result<Vec<Vec<u8>>, FieldError> {
    let texts = match value {
        Value::String(text) => vec![Value::String(text)],
        Value::Array(texts) => texts,
        _ => return Err(FieldError::Malformed),
    };
    let mut chain = Vec::new();
    for text in texts {
        match text.as_str() {
            Some(text) if text.contains("-----BEGIN") => chain.extend(pem::certificates(text, CHAIN_MAX)?),
            Some(text) => chain.push(decode(text)?),
            None => return Err(FieldError::Malformed),
        }
        if chain.len() > CHAIN_MAX {
            return Err(Code::ChainTooLong.into());
        }
    }
    Ok(chain)
}
