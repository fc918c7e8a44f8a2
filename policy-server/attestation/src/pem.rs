//! Reads PEM blocks: strict base64, bounded count and size.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{CERTIFICATE_MAX, Code};

const CERTIFICATE: &str = "CERTIFICATE";

/// The certificates of a PEM text, in order. Text between blocks is allowed unless it looks like a
/// damaged boundary; other blocks are not.
///
/// At most `most` certificates of at most [`CERTIFICATE_MAX`] bytes each.
pub(crate) fn certificates(text: &str, most: usize) -> Result<Vec<Vec<u8>>, Code> {
    let blocks = blocks(text, most)?;
    blocks
        .into_iter()
        .map(|(label, der)| if label == CERTIFICATE { Ok(der) } else { Err(Code::EvidenceMalformed) })
        .collect()
}

/// The one block with this label; nothing else may be in the text.
pub(crate) fn single(text: &str, label: &str) -> Result<Vec<u8>, Code> {
    match blocks(text, 1)?.pop() {
        Some((found, der)) if found == label => Ok(der),
        _ => Err(Code::EvidenceMalformed),
    }
}

fn blocks(text: &str, most: usize) -> Result<Vec<(&str, Vec<u8>)>, Code> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else {
            if line.contains("---") {
                return Err(Code::EvidenceMalformed);
            }
            continue;
        };
        if found.len() == most {
            return Err(Code::ChainTooLong);
        }
        found.push((label, body(&mut lines, label)?));
    }
    Ok(found)
}

fn boundary<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

fn body<'a>(lines: &mut impl Iterator<Item = &'a str>, label: &str) -> Result<Vec<u8>, Code> {
    let mut base64 = String::new();
    for line in lines {
        if boundary(line, "-----END ") == Some(label) {
            return STANDARD.decode(base64).map_err(|_| Code::EvidenceMalformed);
        }
        base64.push_str(line);
        if base64.len() > CERTIFICATE_MAX / 3 * 4 + 8 {
            return Err(Code::ChainCertificateTooLarge);
        }
    }
    Err(Code::EvidenceMalformed)
}

/// PEM of one DER value, 64 characters a line.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let base64 = STANDARD.encode(der);
    let mut rest = base64.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        text.push_str(rest);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back() {
        for size in [0, 1, 47, 48, 49, 96, 1000] {
            let der = vec![7; size];
            assert_eq!(single(&encode("PUBLIC KEY", &der), "PUBLIC KEY"), Ok(der));
        }
    }

    #[test]
    fn cut_foreign_or_too_many_blocks_are_refused() {
        let one = encode(CERTIFICATE, &[1, 2, 3]);
        for (from, to) in [("END", "ENDE"), ("-BEGIN", ",BEGIN"), ("-BEGIN", "-BEGIM")] {
            assert_eq!(certificates(&one.replace(from, to), 6), Err(Code::EvidenceMalformed));
        }
        assert_eq!(certificates(&encode("PUBLIC KEY", &[1]), 6), Err(Code::EvidenceMalformed));
        assert_eq!(certificates(&one.repeat(7), 6), Err(Code::ChainTooLong));
        assert_eq!(certificates(&one.repeat(6), 6).map(|list| list.len()), Ok(6));
        assert_eq!(certificates(&encode(CERTIFICATE, &[0; 9000]), 6), Err(Code::ChainCertificateTooLarge));
    }
}
