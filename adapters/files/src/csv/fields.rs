//! One line to its fields, as RFC 4180 has it and not otherwise: a quote stands at a field's begin and end or is doubled, and
//! no field goes over the line's end. What spreadsheets forgive is refused, for a misread field is a wrong payment.

/// Why a line is no row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Malformed {
    /// A quote within a field that does not begin with one, or text behind the closing one.
    StrayQuote,
    /// A quoted field has no end on its line.
    OpenQuote,
    /// A character below the space, or the one for deletion.
    ControlCharacter,
    /// More fields than there are columns at all.
    TooMany,
}

impl Malformed {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::StrayQuote => "a quote stands within a field; quote the whole field and double the quote",
            Self::OpenQuote => "a quoted field does not end on its line",
            Self::ControlCharacter => "a control character stands in a field",
            Self::TooMany => "it has more fields than there are columns",
        }
    }
}

/// The fields of a line without its end, at most `fields_max`.
pub(super) fn split(line: &str, fields_max: usize) -> Result<Vec<String>, Malformed> {
    if line.chars().any(char::is_control) {
        return Err(Malformed::ControlCharacter);
    }
    let (mut fields, mut rest) = (Vec::new(), Some(line));
    while let Some(text) = rest {
        if fields.len() == fields_max {
            return Err(Malformed::TooMany);
        }
        let (field, behind) = match text.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => plain_field(text)?,
        };
        fields.push(field);
        rest = behind;
    }
    Ok(fields)
}

fn plain_field(text: &str) -> Result<(String, Option<&str>), Malformed> {
    let (field, rest) = text.split_once(',').map_or((text, None), |(field, rest)| (field, Some(rest)));
    if field.contains('"') { Err(Malformed::StrayQuote) } else { Ok((field.to_owned(), rest)) }
}

fn quoted_field(mut text: &str) -> Result<(String, Option<&str>), Malformed> {
    let mut field = String::new();
    loop {
        let (part, behind) = text.split_once('"').ok_or(Malformed::OpenQuote)?;
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                text = more;
            }
            None if behind.is_empty() => return Ok((field, None)),
            None => {
                return behind.strip_prefix(',').map(|rest| (field, Some(rest))).ok_or(Malformed::StrayQuote);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_strictly() {
        let rows: [(&str, Result<&[&str], Malformed>); 12] = [
            ("", Ok(&[""])),
            ("a,b", Ok(&["a", "b"])),
            (",", Ok(&["", ""])),
            ("\"a,b\",c", Ok(&["a,b", "c"])),
            ("\"a\"\"b\"", Ok(&["a\"b"])),
            ("\"\",\"\"", Ok(&["", ""])),
            ("a\"b", Err(Malformed::StrayQuote)),
            ("\"a\"b", Err(Malformed::StrayQuote)),
            ("\"a,b", Err(Malformed::OpenQuote)),
            ("\"a\"\"", Err(Malformed::OpenQuote)),
            ("a\tb", Err(Malformed::ControlCharacter)),
            ("a,b,c,d", Err(Malformed::TooMany)),
        ];
        for (line, expected) in rows {
            let expected = expected.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect());
            assert_eq!(split(line, 3), expected, "{line:?}");
        }
    }
}
