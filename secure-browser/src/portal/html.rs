//! Builds HTML with every value escaped: the only way text from a policy or a page's address gets into our pages.

use std::fmt::{self, Display, Write as _};

/// HTML under construction. Markup comes from string literals, values go through [`Html::text`].
#[derive(Default)]
pub struct Html(String);

impl Html {
    /// Markup of our own.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A value, safe as text and inside a double-quoted attribute.
    pub fn text(&mut self, value: impl Display) -> &mut Self {
        // Writing to a `String` cannot fail.
        let _ = write!(Escaper(&mut self.0), "{value}");
        self
    }

    /// The document.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}

struct Escaper<'a>(&'a mut String);

impl fmt::Write for Escaper<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_open_a_tag_or_leave_an_attribute() {
        let mut html = Html::default();
        html.raw("<p title=\"").text("\"><script>'&").raw("\"></p>");
        assert_eq!(html.finish(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\"></p>");
    }
}
