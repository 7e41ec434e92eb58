//! What is signed: RFC 9421's signature base, a line for each covered component and one for the parameters.

use std::fmt::Write as _;

use super::SignatureFault;
use super::fields::{Input, Value};
use crate::caller::Presented;

/// The text that is signed.
///
/// # Errors
/// [`SignatureFault::Component`] for one that the request has not.
pub fn base(input: &Input<'_>, shown: &Presented<'_>) -> Result<String, SignatureFault> {
    let mut base = String::with_capacity(512);
    for component in &input.components {
        let value = value(component, shown).ok_or_else(|| SignatureFault::Component(component.clone()))?;
        let _ = writeln!(base, "\"{component}\": {value}");
    }
    let _ = write!(base, "\"@signature-params\": {}", parameters(input));
    Ok(base)
}

/// A component's value; none for one that is not there.
fn value(component: &str, shown: &Presented<'_>) -> Option<String> {
    let authority = || {
        let lower = shown.authority.to_ascii_lowercase();
        let default = if shown.scheme == "https" { ":443" } else { ":80" };
        lower.strip_suffix(default).map(str::to_owned).unwrap_or(lower)
    };
    // RFC 9421, 2.2.6: an empty path is a slash.
    let path = if shown.path.is_empty() { "/" } else { shown.path };
    let query = shown.query.map(|query| format!("?{query}"));
    match component {
        "@method" => Some(shown.method.to_owned()),
        "@authority" => Some(authority()),
        "@scheme" => Some(shown.scheme.to_owned()),
        "@path" => Some(path.to_owned()),
        "@query" => Some(query.unwrap_or_else(|| "?".to_owned())),
        "@target-uri" => {
            Some(format!("{}://{}{path}{}", shown.scheme, authority(), query.unwrap_or_default()))
        }
        "@request-target" => Some(format!("{path}{}", query.unwrap_or_default())),
        // Names of headers are signed in lower case; other derived components are those of responses.
        name if name.starts_with('@') || name.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
        name => shown
            .header(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .map(|text| text.trim().to_owned()),
    }
}

fn parameters(input: &Input<'_>) -> String {
    let quoted: Vec<String> = input.components.iter().map(|component| quote(component)).collect();
    let mut text = format!("({})", quoted.join(" "));
    for (name, value) in &input.parameters {
        let _ = match value {
            Value::Integer(number) => write!(text, ";{name}={number}"),
            Value::Text(value) => write!(text, ";{name}={}", quote(value)),
        };
    }
    text
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
