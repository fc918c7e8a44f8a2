//! The evidence file of contract.md: an attestation or an assertion in JSON.

use super::{App, Assertion, Attestation, Environment, appraise_assertion, appraise_attestation};
use crate::{
    Appraisal, Code, Context, Format, Malformed,
    fields::{FieldError, Fields},
    pem,
};

/// Judges the file.
///
/// # Errors
/// [`Malformed`] if it is not such JSON.
pub(crate) fn appraise(file: &[u8], context: &Context<'_>) -> Result<Appraisal, Malformed> {
    let mut fields = Fields::parse(file)?;
    let judged = match fields.optional_text("type") {
        Ok(Some(kind)) if kind == "attestation" => attestation(&mut fields, context),
        Ok(Some(kind)) if kind == "assertion" => assertion(&mut fields, context),
        _ => Err(FieldError::Malformed),
    };
    match judged {
        Ok(appraisal) => Ok(appraisal),
        Err(FieldError::Refused(code)) => Ok(Appraisal::refused(Format::AppleAppAttest, code)),
        Err(FieldError::Malformed) => Err(Malformed),
    }
}

fn attestation(fields: &mut Fields, context: &Context<'_>) -> Result<Appraisal, FieldError> {
    let environment = environment(fields)?.ok_or(FieldError::Malformed)?;
    let object = fields.octets("attestation")?;
    let (key_id, client_data_hash) = (fields.octets("keyId")?, fields.octets("clientDataHash")?);
    let (team, bundle) = (fields.text("teamId")?, fields.text("bundleId")?);
    let app = App { team: &team, bundle: &bundle };
    let attestation =
        Attestation { object: &object, key_id: &key_id, client_data_hash: &client_data_hash, app, environment };
    Ok(appraise_attestation(&attestation, context))
}

fn assertion(fields: &mut Fields, context: &Context<'_>) -> Result<Appraisal, FieldError> {
    let object = fields.octets("assertion")?;
    let public_key = pem::single(&fields.text("publicKey")?, "PUBLIC KEY")?;
    let client_data = fields.octets("clientData")?;
    let (team, bundle) = (fields.text("teamId")?, fields.text("bundleId")?);
    let previous_counter = u32::try_from(fields.number("previousCounter")?).map_err(|_| Code::AppleCounter)?;
    let app = App { team: &team, bundle: &bundle };
    // The file may name the environment of the key's attestation, but does not prove it.
    let (object, public_key, client_data) = (&object, &public_key, &client_data);
    let assertion = Assertion { object, public_key, client_data, app, previous_counter, attested: None };
    Ok(appraise_assertion(&assertion, context))
}

fn environment(fields: &mut Fields) -> Result<Option<Environment>, FieldError> {
    match fields.optional_text("environment")? {
        None => Ok(None),
        Some(name) => Environment::parse(&name).map(Some).ok_or(FieldError::Malformed),
    }
}
