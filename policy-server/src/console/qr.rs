//! QR codes as inline pictures: dark on light with their quiet zone, in light and dark pages alike.

use qrcode::{Color, EcLevel, QrCode};

/// Empty squares around a code. Source: ISO/IEC 18004.
const QUIET: usize = 4;

/// A code as SVG without style attributes, which the pages' policy forbids. `None` if the text is too long for one.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, _) in code.to_colors().iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        path.push_str(&format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET));
    }
    let side = width + 2 * QUIET;
    Some(format!(
        "<svg class=\"qr\" aria-hidden=\"true\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_picture_and_nothing_else() {
        let picture = svg("secure-workspace://enroll?x=\"<script>\"").unwrap_or_default();
        assert!(picture.starts_with("<svg") && !picture.contains("script") && !picture.contains("style"));
        assert_eq!(svg(&"x".repeat(5_000)), None);
    }
}
