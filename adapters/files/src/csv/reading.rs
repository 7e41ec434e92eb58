//! A file of payments to values: header, then line by line. Pure: bytes in, values out; knows no directory and no engine.
//!
//! | column | ISO 20022 | |
//! |---|---|---|
//! | `debtor_agent`, `creditor_agent` | `DbtrAgt`, `CdtrAgt` | BIC, or `USABA:021040078` |
//! | `debtor_account`, `creditor_account` | `DbtrAcct`, `CdtrAcct` | IBAN, `SCHEME:number`, or a number |
//! | `amount`, `currency` | `IntrBkSttlmAmt` | decimal with a point; ISO 4217 code |
//! | `uetr`, `end_to_end_id`, `instruction_id` | `UETR`, `EndToEndId`, `InstrId` | optional; a `uetr` stands once |
//! | `debtor`, `creditor` | `Dbtr/Nm`, `Cdtr/Nm` | optional |
//! | `purpose`, `remittance` | `Purp/Cd`, `RmtInf/Ustrd` | optional |

use std::collections::BTreeSet;
use std::io::{BufRead, Read as _};

use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::{CreditTransfer, MessageHead, Refusal};
use feiqian_iso20022::{ErrorCode, Limits, ReadError};

use super::fields::split;
use super::values::{NOT_PROVIDED, Values};
use crate::limits::CSV_LINE_BYTES_MAX;

/// The columns that there are, those that must be there first.
pub const COLUMNS: [&str; 13] = [
    "debtor_agent",
    "debtor_account",
    "creditor_agent",
    "creditor_account",
    "amount",
    "currency",
    "uetr",
    "end_to_end_id",
    "instruction_id",
    "debtor",
    "creditor",
    "purpose",
    "remittance",
];
const REQUIRED: usize = 6;
const ID_CONTEXT: &str = "feiqian 2026 files csv uetr v1";

/// One line behind the header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its number in the file, from 1; the header is line 1.
    pub number: u64,
    /// The payment's id: its own, or one derived from the file's content and the line's number.
    pub uetr: Uetr,
    /// Whether the id is a derived one: in a file that differs in any byte the same line is another payment.
    pub is_id_derived: bool,
    /// As given, for the result.
    pub end_to_end_id: String,
    /// The message that the payment is as if of, and the payment; or why there is none.
    pub payment: Result<Box<(MessageHead, CreditTransfer)>, Refusal>,
}

/// Reads a file line by line, holding one at a time, and of those before their `uetr` alone.
#[derive(Debug)]
pub struct CsvReader<R> {
    input: R,
    limits: Limits,
    /// Digest of the file's content: what makes the ids of lines without one.
    content: [u8; 32],
    /// Of each column of the file, its place in [`COLUMNS`].
    columns: Vec<usize>,
    line: u64,
    position: u64,
    transactions: u64,
    /// The ids that were given so far: as many as a file may have lines, and none of those that were derived.
    seen: BTreeSet<u128>,
    text: Vec<u8>,
}

impl<R: BufRead> CsvReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ReadError`] where there is none, or columns are missing, unknown or there twice.
    pub fn new(input: R, limits: Limits, content: [u8; 32]) -> Result<Self, ReadError> {
        let mut reader = Self {
            input,
            limits,
            content,
            columns: Vec::new(),
            line: 0,
            position: 0,
            transactions: 0,
            seen: BTreeSet::new(),
            text: Vec::new(),
        };
        let Some(names) = reader.next_fields()? else {
            return Err(reader.fault(ErrorCode::Empty, "there is no header"));
        };
        for name in &names {
            let place = COLUMNS.iter().position(|column| column == name);
            match place.filter(|place| !reader.columns.contains(place)) {
                Some(place) => reader.columns.push(place),
                None => {
                    let shown: String = name.chars().take(40).collect();
                    let text = format!("the column {shown:?} is not known, or there twice");
                    return Err(reader.fault(ErrorCode::UnexpectedElement, &text));
                }
            }
        }
        match COLUMNS.iter().take(REQUIRED).zip(0..).find(|(_, place)| !reader.columns.contains(place)) {
            Some((column, _)) => {
                Err(reader.fault(ErrorCode::MissingElement, &format!("the column {column} is missing")))
            }
            None => Ok(reader),
        }
    }

    /// The next line; none at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// [`ReadError`] where the file is no table of payments any more: too long, too many, not UTF-8, a quote that does not
    /// end, another number of fields than the header has; at the end where there was no payment at all.
    pub fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        let Some(fields) = self.next_fields()? else {
            return match self.transactions {
                0 => Err(self.fault(ErrorCode::Empty, "there is a header, and no payment behind it")),
                _ => Ok(None),
            };
        };
        if fields.len() != self.columns.len() {
            let text = format!("it has {} fields, the header has {}", fields.len(), self.columns.len());
            return Err(self.fault(ErrorCode::NotWellFormed, &text));
        }
        self.transactions += 1;
        if self.transactions > self.limits.transactions_max {
            let text = format!("there are more than {} lines", self.limits.transactions_max);
            return Err(self.fault(ErrorCode::TooMany, &text));
        }
        let mut values: [&str; COLUMNS.len()] = [""; COLUMNS.len()];
        for (place, field) in self.columns.iter().zip(&fields) {
            if let Some(value) = values.get_mut(*place) {
                *value = field;
            }
        }
        Ok(Some(self.line_of(&Values(values))))
    }

    fn line_of(&mut self, values: &Values<'_>) -> Line {
        let given = values.uetr();
        let own = given.clone().ok().flatten();
        let is_id_derived = matches!(given, Ok(None));
        let is_repeated = own.is_some_and(|own| !self.seen.insert(own.bits()));
        let uetr = own.unwrap_or_else(|| self.derived_id());
        // An id of its own makes a payment the same in whatever file it comes again.
        let message_id = match own {
            Some(_) => NOT_PROVIDED.to_owned(),
            None => format!("CSV{}", hex(&self.content).chars().take(32).collect::<String>()),
        };
        let payment = given.and_then(|_| values.payment((uetr, self.transactions, &message_id)));
        let payment = payment.and_then(|payment| match is_repeated {
            true => {
                let text = format!("uetr {uetr} stands twice in the file; give each payment its own");
                Err(Refusal { code: codes::DU03, text })
            }
            false => Ok(payment),
        });
        Line {
            number: self.line,
            uetr,
            is_id_derived,
            end_to_end_id: values.get("end_to_end_id").to_owned(),
            payment: payment.map(Box::new),
        }
    }

    fn derived_id(&self) -> Uetr {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        hasher.update(&self.content).update(&self.line.to_le_bytes());
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        Uetr::from_digest(digest)
    }

    fn next_fields(&mut self) -> Result<Option<Vec<String>>, ReadError> {
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            let Ok(text) = str::from_utf8(&self.text) else {
                return Err(self.fault(ErrorCode::NotUtf8, "it is not UTF-8"));
            };
            let text = if self.line == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
            let text = text.strip_suffix('\n').unwrap_or(text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.is_empty() {
                continue;
            }
            let fields = split(text, COLUMNS.len());
            return fields
                .map(Some)
                .map_err(|malformed| self.fault(ErrorCode::NotWellFormed, malformed.text()));
        }
    }

    /// Reads up to the next line's end; false at the file's.
    fn read_line(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        let mut bounded = self.input.by_ref().take(CSV_LINE_BYTES_MAX as u64 + 1);
        let read = bounded.read_until(b'\n', &mut self.text);
        self.line += 1;
        let read = read.map_err(|error| self.fault(ErrorCode::Io, &error.to_string()))?;
        if read > CSV_LINE_BYTES_MAX {
            let text = format!("it is longer than {CSV_LINE_BYTES_MAX} bytes");
            return Err(self.fault(ErrorCode::TooLarge, &text));
        }
        self.position += read as u64;
        if self.position > self.limits.file_bytes_max {
            let text = format!("the file is longer than {} bytes", self.limits.file_bytes_max);
            return Err(self.fault(ErrorCode::TooLarge, &text));
        }
        Ok(read > 0)
    }

    fn fault(&self, code: ErrorCode, text: &str) -> ReadError {
        ReadError {
            code,
            position: self.position,
            path: format!("line {}", self.line),
            message: text.to_owned(),
            reference: None,
        }
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "debtor_agent,debtor_account,creditor_agent,creditor_account,amount,currency,uetr";

    fn read(text: &[u8]) -> Result<Vec<Line>, ReadError> {
        let limits = Limits { transactions_max: 3, ..Limits::default() };
        let mut reader = CsvReader::new(text, limits, *blake3::hash(text).as_bytes())?;
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line()? {
            lines.push(line);
        }
        Ok(lines)
    }

    #[test]
    fn an_id_stands_once_in_a_table_whatever_became_of_its_first_line() {
        const ID: &str = "7a562c67-ca16-48ba-b074-65581be6f001";
        for first in ["1", "0"] {
            let text = format!(
                "{HEAD}\nBNKAXXAA,1,BNKBXXAA,2,{first},EUR,{ID}\nBNKAXXAA,1,BNKBXXAA,2,1,EUR,{ID}\nBNKAXXAA,1,BNKBXXAA,2,1,EUR,\n"
            );
            let lines = read(text.as_bytes()).expect("a table");
            assert_eq!(lines[0].payment.is_ok(), first == "1");
            assert_eq!(lines[1].payment.as_ref().err().map(|refusal| refusal.code), Some(codes::DU03));
            assert!(lines[2].payment.is_ok() && lines[2].is_id_derived && !lines[1].is_id_derived);
        }
    }

    #[test]
    fn a_file_that_is_no_table_is_refused_as_a_whole_with_its_line() {
        let two = format!("{HEAD}\r\n\r\nBNKAXXAA,1,BNKBXXAA,2,1,EUR,\r\n");
        let long = format!("{HEAD}\n{}\n", "x".repeat(CSV_LINE_BYTES_MAX));
        let bare = format!("{HEAD}\n\n");
        let many = format!("{HEAD}\n{}", "BNKAXXAA,1,BNKBXXAA,2,1,EUR,\n".repeat(4));
        let rows: [(&[u8], ErrorCode, &str); 10] = [
            (b"", ErrorCode::Empty, "line 1"),
            (b"\n\n", ErrorCode::Empty, "line 3"),
            (bare.as_bytes(), ErrorCode::Empty, "line 3"),
            (b"amount,amount\n", ErrorCode::UnexpectedElement, "line 1"),
            (b"Amount\n", ErrorCode::UnexpectedElement, "line 1"),
            (b"amount,currency\n", ErrorCode::MissingElement, "line 1"),
            (&[two.as_bytes(), b"a,b\n"].concat(), ErrorCode::NotWellFormed, "line 4"),
            (&[two.as_bytes(), b"\xff\xfe\n"].concat(), ErrorCode::NotUtf8, "line 4"),
            (long.as_bytes(), ErrorCode::TooLarge, "line 2"),
            (many.as_bytes(), ErrorCode::TooMany, "line 5"),
        ];
        for (text, code, place) in rows {
            let error = read(text).expect_err("refused");
            assert_eq!((error.code, error.path.as_str()), (code, place), "{error}");
        }
        let lines = read(&[b"\xef\xbb\xbf", two.as_bytes()].concat()).expect("a mark of UTF-8 is no harm");
        assert_eq!((lines.len(), lines[0].number), (1, 3));
    }

    #[test]
    fn ids_follow_from_content_and_line_alone() {
        let text = format!("{HEAD}\n{0}{0}", "BNKAXXAA,1,BNKBXXAA,2,1,EUR,\n");
        let (once, again) =
            (read(text.as_bytes()).expect("a table"), read(text.as_bytes()).expect("a table"));
        assert_eq!(once, again);
        assert_ne!(once[0].uetr, once[1].uetr, "two lines are two payments");
        let other = read(format!("{text}\n").as_bytes()).expect("a table");
        assert_ne!(once[0].uetr, other[0].uetr);
    }

    /// Bytes that a reader holds while a line is out: its own, those of the line, of its fields and of all of their texts.
    fn held_with(text: &str) -> usize {
        let begin = || CsvReader::new(text.as_bytes(), Limits::default(), [0; 32]).expect("a header");
        let texts = |fields: &[String]| fields.iter().map(String::capacity).sum::<usize>();
        let mut reader = begin();
        let fields = reader.next_fields().expect("a table").expect("a line");
        let own =
            size_of_val(&reader) + reader.columns.capacity() * size_of::<usize>() + reader.text.capacity();
        let parts = fields.capacity() * size_of::<String>() + texts(&fields);
        let line = begin().next_line().expect("a table").expect("a line");
        let details = line.payment.as_ref().map_or(0, |payment| {
            let details = &payment.1.details;
            let named =
                [&details.debtor.name, &details.creditor.name, &details.purpose, &details.ids.instruction];
            let named: usize = named.into_iter().flatten().map(String::capacity).sum();
            size_of_val(&**payment) + named + texts(&details.remittance)
        });
        own + parts + size_of_val(&line) + line.end_to_end_id.capacity() + details
    }

    /// No input costs more than 10 ms, or holds more than four times the longest line: one is all that is held, and fields
    /// are its parts. Measured on the reader itself, within its own limits.
    #[test]
    fn no_input_is_dear() {
        let fill = |piece: &str| piece.repeat(CSV_LINE_BYTES_MAX / piece.len() - 1);
        for piece in [",", "\"\",", "\"\"", "\"", "x", "é,", "1.", "\u{1f4b8}"] {
            for text in
                [fill(piece), format!("{HEAD}\n{}", fill(piece)), format!("{HEAD}\n\"{}\"\n", fill(piece))]
            {
                // The best of some: the machine may be busy with others.
                let spent = (0..5).map(|_| {
                    let begun = std::time::Instant::now();
                    let _ = read(text.as_bytes());
                    begun.elapsed()
                });
                let spent = spent.min().expect("five");
                assert!(spent < std::time::Duration::from_millis(10), "{piece:?}: {spent:?}");
            }
        }
        let header = COLUMNS.join(",");
        let longest = format!("{header}\n{},,,,,,,,,,,,{}\n", "x".repeat(8_000), "y".repeat(8_000));
        let full = [
            "BNKAXXAA",
            "DE89370400440532013000",
            "BNKBXXAA",
            "4711",
            "1.00",
            "EUR",
            "",
            &"é".repeat(35),
            &"é".repeat(35),
        ];
        let full = [
            full.as_slice(),
            &[&"\u{1f4b8}".repeat(140), &"\u{1f4b8}".repeat(140), "SALA", &"é".repeat(140)],
        ];
        let full = format!("{header}\n{}\n", full.concat().join(","));
        assert!(read(full.as_bytes()).expect("a table")[0].payment.is_ok());
        let quoted = format!("{header}\n{}\"{}\"\n", "\"\",".repeat(12), "\"\"".repeat(8_000));
        for text in [&longest, &full, &quoted, &format!("{header}\n{}\n", ",".repeat(12))] {
            let held = held_with(text);
            assert!((CSV_LINE_BYTES_MAX / 64..=4 * CSV_LINE_BYTES_MAX).contains(&held), "{held}: {text}");
        }
    }
}
