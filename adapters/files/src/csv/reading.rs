//! A file of payments to values: header, then line by line. Pure: bytes in, values out; knows no directory and no engine.
//!
//! | column | ISO 20022 | |
//! |---|---|---|
//! | `debtor_agent`, `creditor_agent` | `DbtrAgt`, `CdtrAgt` | BIC, or `USABA:021040078` |
//! | `debtor_account`, `creditor_account` | `DbtrAcct`, `CdtrAcct` | IBAN, `SCHEME:number`, or a number |
//! | `amount`, `currency` | `IntrBkSttlmAmt` | decimal with a point; ISO 4217 code |
//! | `uetr`, `end_to_end_id`, `instruction_id` | `UETR`, `EndToEndId`, `InstrId` | optional |
//! | `debtor`, `creditor` | `Dbtr/Nm`, `Cdtr/Nm` | optional |
//! | `purpose`, `remittance` | `Purp/Cd`, `RmtInf/Ustrd` | optional |

use std::io::{BufRead, Read as _};

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::iban::is_iban;
use feiqian_core::money::{Amount, AmountError};
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::codes::{self, ReasonCode};
use feiqian_iso20022::payment::{
    AccountId, Agent, ClearingMember, CreditTransfer, MessageHead, Party, PaymentIds, Refusal,
    TransferDetails,
};
use feiqian_iso20022::{ErrorCode, Limits, MessageType, ReadError};

use super::fields::split;
use crate::limits::{CSV_FIELD_CHARACTERS_MAX, CSV_LINE_BYTES_MAX};

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
/// What ISO 20022 says where there is nothing.
const NOT_PROVIDED: &str = "NOTPROVIDED";
const ID_CONTEXT: &str = "feiqian 2026 files csv uetr v1";

/// One line behind the header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its number in the file, from 1; the header is line 1.
    pub number: u64,
    /// The payment's id: its own, or one derived from the file's content and the line's number.
    pub uetr: Uetr,
    /// As given, for the result.
    pub end_to_end_id: String,
    /// The message that the payment is as if of, and the payment; or why there is none.
    pub payment: Result<Box<(MessageHead, CreditTransfer)>, Refusal>,
}

/// Reads a file line by line, holding one at a time.
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
    /// end, another number of fields than the header has.
    pub fn next_line(&mut self) -> Result<Option<Line>, ReadError> {
        let Some(fields) = self.next_fields()? else { return Ok(None) };
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

    fn line_of(&self, values: &Values<'_>) -> Line {
        let derived = self.derived_id();
        let given = values.uetr();
        let uetr = given.clone().ok().flatten().unwrap_or(derived);
        // An id of its own makes a payment the same in whatever file it comes again.
        let message_id = match &given {
            Ok(Some(_)) => NOT_PROVIDED.to_owned(),
            _ => format!("CSV{}", hex(&self.content).chars().take(32).collect::<String>()),
        };
        let payment = given.and_then(|_| values.payment((uetr, self.transactions, &message_id)));
        Line {
            number: self.line,
            uetr,
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

/// The fields of a line by their columns; what a file does not have is empty.
struct Values<'a>([&'a str; COLUMNS.len()]);

impl<'a> Values<'a> {
    fn get(&self, column: &str) -> &'a str {
        let place = COLUMNS.iter().position(|own| *own == column);
        place.and_then(|place| self.0.get(place).copied()).unwrap_or("")
    }

    fn uetr(&self) -> Result<Option<Uetr>, Refusal> {
        match self.get("uetr") {
            "" => Ok(None),
            text => {
                Uetr::parse(text).map(Some).map_err(|error| refusal(codes::CH16, format!("uetr {error}")))
            }
        }
    }

    fn payment(
        &self,
        (uetr, index, message_id): (Uetr, u64, &str),
    ) -> Result<(MessageHead, CreditTransfer), Refusal> {
        self.check_lengths()?;
        let currency = Currency::from_code(self.get("currency"))
            .ok_or_else(|| refusal(codes::AM11, "currency is no ISO 4217 code in capitals".to_owned()))?;
        let amount = self.amount(currency)?;
        let optional =
            |column: &str| Some(self.get(column)).filter(|text| !text.is_empty()).map(str::to_owned);
        let party = |column| Party { name: optional(column), ..Party::default() };
        let details = TransferDetails {
            ids: PaymentIds {
                instruction: optional("instruction_id"),
                end_to_end: Some(optional("end_to_end_id").unwrap_or_else(|| NOT_PROVIDED.to_owned())),
                transaction: None,
                uetr: Some(uetr),
            },
            debtor: party("debtor"),
            debtor_account: Some(self.account("debtor_account", codes::AC02)?),
            debtor_agent: Some(self.agent("debtor_agent", codes::RC03)?),
            creditor_agent: Some(self.agent("creditor_agent", codes::RC04)?),
            creditor: party("creditor"),
            creditor_account: Some(self.account("creditor_account", codes::AC03)?),
            purpose: optional("purpose"),
            remittance: optional("remittance").into_iter().collect(),
            ..TransferDetails::default()
        };
        let message_type = MessageType::parse("pacs.008.001.08").expect("its table is committed");
        let head = MessageHead::new(message_type, message_id, "");
        Ok((head, CreditTransfer { index, amount, currency, details }))
    }

    /// Lengths as in ISO 20022: Max35Text, Max140Text, ExternalPurpose1Code.
    fn check_lengths(&self) -> Result<(), Refusal> {
        for (column, value) in COLUMNS.iter().zip(self.0) {
            let most = match *column {
                "end_to_end_id" | "instruction_id" => 35,
                "purpose" => 4,
                _ => CSV_FIELD_CHARACTERS_MAX,
            };
            if value.chars().count() > most {
                return Err(refusal(codes::CH16, format!("{column} has more than {most} characters")));
            }
            if value.trim() != value {
                return Err(refusal(codes::CH16, format!("{column} begins or ends with a space")));
            }
        }
        let is_code =
            self.get("purpose").bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_code { Ok(()) } else { Err(refusal(codes::CH16, "purpose is no code".to_owned())) }
    }

    fn amount(&self, currency: Currency) -> Result<Amount, Refusal> {
        let text = self.get("amount");
        let amount = match text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            true => Amount::from_decimal(text, currency),
            false => Err(AmountError::NotDecimal),
        };
        let code = |error| match error {
            AmountError::Zero => codes::AM01,
            AmountError::TooManyDecimals => codes::CH20,
            _ => codes::AM12,
        };
        amount.map_err(|error| {
            refusal(code(error), format!("amount {error}; write it with a point, as 1234.50"))
        })
    }

    fn agent(&self, column: &str, code: ReasonCode) -> Result<Agent, Refusal> {
        let text = self.get(column);
        if let Some((system, id)) =
            text.split_once(':').filter(|(system, id)| !system.is_empty() && !id.is_empty())
        {
            let member = ClearingMember { system: Some(system.to_owned()), id: id.to_owned() };
            return Ok(Agent { member: Some(member), ..Agent::default() });
        }
        let bic = Bic::parse(text).map_err(|error| refusal(code, format!("{column} {error}")))?;
        Ok(Agent::of_bic(bic))
    }

    fn account(&self, column: &str, code: ReasonCode) -> Result<AccountId, Refusal> {
        let text = self.get(column);
        let other = |id: &str, scheme| AccountId::Other { id: id.to_owned(), scheme };
        match text.split_once(':') {
            _ if text.is_empty() => Err(refusal(code, format!("{column} is empty"))),
            Some((scheme, id)) if !scheme.is_empty() && !id.is_empty() => {
                Ok(other(id, Some(scheme.to_owned())))
            }
            Some(_) => Err(refusal(code, format!("{column} is not SCHEME:number"))),
            None if is_iban(text) => Ok(AccountId::Iban(text.to_owned())),
            None => Ok(other(text, None)),
        }
    }
}

fn refusal(code: ReasonCode, text: String) -> Refusal {
    Refusal { code, text }
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

    fn line(line: &str) -> Result<Box<(MessageHead, CreditTransfer)>, Refusal> {
        let lines = read(format!("{HEAD}\n{line}\n").as_bytes()).expect("a table");
        lines.into_iter().next().expect("a line").payment
    }

    #[test]
    fn a_line_is_a_payment_or_has_its_reason() {
        let good =
            line("BNKAXXAA,DE89370400440532013000,USABA:021040078,MBNO:4712,12.30,EUR,").expect("good");
        let CreditTransfer { amount, currency, details, index } = &good.1;
        assert_eq!((amount.minor(), currency.code(), *index), (1_230, "EUR", 1));
        assert!(matches!(&details.debtor_account, Some(AccountId::Iban(_))));
        assert!(matches!(&details.creditor_account, Some(AccountId::Other { scheme: Some(_), .. })));
        assert_eq!(details.ids.end_to_end.as_deref(), Some("NOTPROVIDED"));
        let rows = [
            ("BNKAXXAA,1,BNKBXXAA,2,0,EUR,", codes::AM01),
            ("BNKAXXAA,1,BNKBXXAA,2,-1,EUR,", codes::AM12),
            ("BNKAXXAA,1,BNKBXXAA,2,1e3,EUR,", codes::AM12),
            ("BNKAXXAA,1,BNKBXXAA,2,\"1,50\",EUR,", codes::AM12),
            ("BNKAXXAA,1,BNKBXXAA,2,9999999999999999999999999,EUR,", codes::AM12),
            ("BNKAXXAA,1,BNKBXXAA,2,1.5,JPY,", codes::CH20),
            ("BNKAXXAA,1,BNKBXXAA,2,1,eur,", codes::AM11),
            ("BNK,1,BNKBXXAA,2,1,EUR,", codes::RC03),
            ("BNKAXXAA,1,,2,1,EUR,", codes::RC04),
            ("BNKAXXAA,,BNKBXXAA,2,1,EUR,", codes::AC02),
            ("BNKAXXAA,1,BNKBXXAA,:2,1,EUR,", codes::AC03),
            ("BNKAXXAA,1 ,BNKBXXAA,2,1,EUR,", codes::CH16),
            ("BNKAXXAA,1,BNKBXXAA,2,1,EUR,abc", codes::CH16),
        ];
        for (text, code) in rows {
            assert_eq!(line(text).expect_err("refused").code, code, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_table_is_refused_as_a_whole_with_its_line() {
        let two = format!("{HEAD}\r\n\r\nBNKAXXAA,1,BNKBXXAA,2,1,EUR,\r\n");
        let long = format!("{HEAD}\n{}\n", "x".repeat(CSV_LINE_BYTES_MAX));
        let many = format!("{HEAD}\n{}", "BNKAXXAA,1,BNKBXXAA,2,1,EUR,\n".repeat(4));
        let rows: [(&[u8], ErrorCode, &str); 9] = [
            (b"", ErrorCode::Empty, "line 1"),
            (b"\n\n", ErrorCode::Empty, "line 3"),
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

    /// No input costs more than 10 ms, or holds more than four times its own size: a line is all that is held, and fields
    /// are its parts.
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
        let fields = split(&fill("\"a\","), usize::MAX).expect("fields");
        let held: usize = fields.iter().map(String::capacity).sum();
        assert!(held <= 4 * CSV_LINE_BYTES_MAX, "{held}");
    }
}
