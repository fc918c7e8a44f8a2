//! Reading TOML with nothing skipped: each key is asked for by name, and what nobody asked for is a fault.

use std::{cell::RefCell, ops::Range, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::Source;

/// One table of the file.
pub(crate) struct Section<'a> {
    source: &'a Source<'a>,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    key: String,
    asked: RefCell<Vec<&'static str>>,
}

/// One value of the file.
pub(crate) struct Field<'a> {
    source: &'a Source<'a>,
    value: &'a DeValue<'a>,
    span: Range<usize>,
    key: String,
}

/// Words a key may have, with their meaning.
pub(crate) type Choices<T> = [(&'static str, T)];

impl<'a> Section<'a> {
    pub(crate) fn root(source: &'a Source<'a>, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self::new(source, table.get_ref(), 0..0, String::new())
    }

    fn new(source: &'a Source<'a>, table: &'a DeTable<'a>, span: Range<usize>, key: String) -> Self {
        Self { source, table, span, key, asked: RefCell::default() }
    }

    fn path(&self, name: &str) -> String {
        if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) }
    }

    /// The value of `name`, if it is there.
    pub(crate) fn get(&self, name: &'static str) -> Option<Field<'a>> {
        self.asked.borrow_mut().push(name);
        let value = self.table.get(name)?;
        Some(Field { source: self.source, value: value.get_ref(), span: value.span(), key: self.path(name) })
    }

    /// The value of `name`; a fault if it is missing.
    pub(crate) fn need(&self, name: &'static str) -> Option<Field<'a>> {
        let found = self.get(name);
        if found.is_none() {
            self.source.fault(&self.span, &self.path(name), "this key is missing");
        }
        found
    }

    /// One of `choices`, or `default` where the key is absent.
    pub(crate) fn choice<T: Copy>(&self, name: &'static str, choices: &Choices<T>, default: T) -> T {
        self.get(name).and_then(|field| field.choice(choices)).unwrap_or(default)
    }

    /// `true` only where the file says so.
    pub(crate) fn flag(&self, name: &'static str) -> bool {
        self.get(name).and_then(|field| field.flag()).unwrap_or(false)
    }

    /// A length of time, or `default` where the key is absent.
    pub(crate) fn duration(&self, name: &'static str, default: Duration) -> Duration {
        self.get(name).and_then(|field| field.duration()).unwrap_or(default)
    }

    /// The table of `name`, if it is there.
    pub(crate) fn section(&self, name: &'static str) -> Option<Section<'a>> {
        self.get(name).and_then(Field::section)
    }

    /// The tables of `[[name]]`.
    pub(crate) fn sections(&self, name: &'static str) -> Vec<Section<'a>> {
        let fields = self.get(name).and_then(|field| field.list()).unwrap_or_default();
        fields.into_iter().filter_map(Field::section).collect()
    }

    /// A fault of the table as a whole.
    pub(crate) fn fault(&self, name: &str, message: impl Into<String>) {
        self.source.fault(&self.span, &self.path(name), message);
    }

    /// Makes a fault of every key that nobody asked for.
    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !asked.contains(&key.get_ref().as_ref())) {
            let mut known = asked.clone();
            known.sort_unstable();
            let message = format!("unknown key; known here: {}", known.join(", "));
            self.source.fault(&key.span(), &self.path(key.get_ref()), message);
        }
    }
}

impl<'a> Field<'a> {
    pub(crate) fn fault(&self, message: impl Into<String>) {
        self.source.fault(&self.span, &self.key, message);
    }

    /// Line of the value, from 1.
    pub(crate) fn line(&self) -> usize {
        self.source.line(self.span.start)
    }

    fn wrong<T>(&self, wanted: &str) -> Option<T> {
        self.fault(format!("must be {wanted}, not {}", self.value.type_str()));
        None
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.wrong("a text"))
    }

    fn flag(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.wrong("true or false"))
    }

    pub(crate) fn number(&self) -> Option<u64> {
        let number = self.value.as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        number.or_else(|| self.wrong("a whole number"))
    }

    pub(crate) fn list(&self) -> Option<Vec<Field<'a>>> {
        let Some(list) = self.value.as_array() else { return self.wrong("a list") };
        let item = |(at, value): (usize, &'a Spanned<DeValue<'a>>)| Field {
            source: self.source,
            value: value.get_ref(),
            span: value.span(),
            key: format!("{}[{at}]", self.key),
        };
        Some(list.iter().enumerate().map(item).collect())
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(crate) fn section(self) -> Option<Section<'a>> {
        match self.value.as_table() {
            Some(table) => Some(Section::new(self.source, table, self.span, self.key)),
            None => self.wrong("a table"),
        }
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> Vec<(Field<'a>, &'a str)> {
        let list = self.list().unwrap_or_default();
        list.into_iter().filter_map(|item| item.text().map(|text| (item, text))).collect()
    }

    pub(crate) fn choice<T: Copy>(&self, choices: &Choices<T>) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(format!("unknown value; must be one of: {}", words.join(", ")));
        }
        found
    }

    /// A whole number of seconds, minutes, hours or days (`90s`, `5m`, `8h`, `7d`), more than nothing.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let found = duration(self.text()?);
        if found.is_none() {
            self.fault("must be a length of time such as \"90s\", \"5m\", \"8h\" or \"7d\", at most 366 days");
        }
        found
    }
}

fn duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.strip_suffix(unit).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let total = digits.parse::<u64>().ok()?.checked_mul(seconds)?;
    (total > 0 && total <= 366 * 86_400).then(|| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("8h", 28_800), ("7d", 604_800)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "5", "m", "0m", "-5m", "5 m", "5M", "1.5h", "99999999999999999999d", "367d", "５m", "5分"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
