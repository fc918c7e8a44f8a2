//! A refused host into a policy text: one entry more, and every other word of the text as it was.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};
use url::Url;
use workspace_policy::Policy;

use crate::failure::Failure;

/// Adds `host` to a system's list, or as a system of its own if `system` is empty.
///
/// # Errors
/// Bad input if the host cannot be one, the system is not there, or the text cannot be read.
pub fn with_host(toml: &str, system: &str, host: &str) -> Result<String, Failure> {
    let wrong = || Failure::input("policy-host").with("host", host);
    let start = Url::parse(&format!("https://{host}/")).map_err(|_| wrong())?;
    if start.host_str() != Some(host) || start.path() != "/" || start.port().is_some() {
        return Err(wrong());
    }
    let mut document: DocumentMut = toml.parse().map_err(|_| Failure::input("policy-unreadable"))?;
    let systems = document.entry("system").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let systems = systems.as_array_of_tables_mut().ok_or_else(|| Failure::input("policy-unreadable"))?;
    if system.is_empty() {
        systems.push(own_system(host, &start));
    } else {
        let named = |table: &&mut Table| table.get("id").and_then(Item::as_str) == Some(system);
        let table = systems.iter_mut().find(named).ok_or_else(|| Failure::input("policy-system-unknown"))?;
        let allow = table.entry("allow").or_insert_with(|| Item::Value(Value::Array(Array::new())));
        let allow = allow.as_array_mut().ok_or_else(|| Failure::input("policy-unreadable"))?;
        allow.push(host);
    }
    let text = document.to_string();
    // What this made is read by the same engine that will judge it.
    Policy::parse("policy", &text).map_err(|_| wrong())?;
    Ok(text)
}

fn own_system(host: &str, start: &Url) -> Table {
    let id: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    let mut title = InlineTable::new();
    title.insert("ja", host.into());
    title.insert("en", host.into());
    let mut table = Table::new();
    table.insert("id", toml_edit::value(id.trim_matches('-')));
    table.insert("title", toml_edit::value(title));
    table.insert("kind", toml_edit::value("other"));
    table.insert("start", toml_edit::value(start.as_str()));
    table.insert("allow", toml_edit::value(Array::from_iter([host])));
    table
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "schema = 1\nname = \"n\" # ours\n\n[[system]]\nid = \"s\"\ntitle = { en = \"S\" }\nstart = \"https://a.example/\"\nallow = [\n  \"a.example\", # the first\n]\n";

    #[test]
    fn a_host_joins_a_list_and_the_rest_of_the_text_stays() {
        let text = with_host(TEXT, "s", "b.example").unwrap();
        assert!(text.contains("# ours") && text.contains("# the first") && text.contains("\"b.example\""), "{text}");
        assert_eq!(Policy::parse("p", &text).unwrap().systems()[0].allow.len(), 2);
    }

    #[test]
    fn a_host_of_no_system_becomes_one() {
        let text = with_host(TEXT, "", "new.example").unwrap();
        let policy = Policy::parse("p", &text).unwrap();
        assert_eq!(policy.system("new-example").unwrap().start.as_str(), "https://new.example/");
    }

    #[test]
    fn what_is_no_host_or_no_system_is_refused() {
        for bad in ["", "a b", "a.example/x", "a.example:8", "u@a.example", "\"]\nx = [\"", "https://a.example", "jp"] {
            assert_eq!(with_host(TEXT, "s", bad).unwrap_err().id, "policy-host", "{bad}");
        }
        assert_eq!(with_host(TEXT, "other", "b.example").unwrap_err().id, "policy-system-unknown");
        assert_eq!(with_host("= =", "s", "b.example").unwrap_err().id, "policy-unreadable");
    }
}
