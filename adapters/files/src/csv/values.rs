//! The fields of one line to a payment, or to the reason why it is none: the same values as a pacs.008's transaction has, and
//! the same codes for the same faults.

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::MessageType;
use feiqian_iso20022::codes::{self, ReasonCode};
use feiqian_iso20022::payment::{
    AccountId, Agent, ClearingMember, CreditTransfer, MessageHead, Party, PaymentIds, Refusal, ToldAmount,
    TransferDetails,
};
use feiqian_iso20022::transfers::check_iban;

use super::reading::COLUMNS;
use crate::limits::{CSV_ACCOUNT_CHARACTERS_MAX, CSV_FIELD_CHARACTERS_MAX};

/// What ISO 20022 says where there is nothing.
pub(super) const NOT_PROVIDED: &str = "NOTPROVIDED";

/// The fields of a line by their columns; what a file does not have is empty.
pub(super) struct Values<'a>(pub(super) [&'a str; COLUMNS.len()]);

impl<'a> Values<'a> {
    pub(super) fn get(&self, column: &str) -> &'a str {
        let place = COLUMNS.iter().position(|own| *own == column);
        place.and_then(|place| self.0.get(place).copied()).unwrap_or("")
    }

    pub(super) fn uetr(&self) -> Result<Option<Uetr>, Refusal> {
        match self.get("uetr") {
            "" => Ok(None),
            text => {
                Uetr::parse(text).map(Some).map_err(|error| refusal(codes::CH16, format!("uetr {error}")))
            }
        }
    }

    pub(super) fn payment(
        &self,
        (uetr, index, message_id): (Uetr, u64, &str),
    ) -> Result<(MessageHead, CreditTransfer), Refusal> {
        self.check_lengths()?;
        let (amount, currency) = self.amount()?;
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
            debtor_account: Some(self.account("debtor_account", codes::AC02, "debtor")?),
            debtor_agent: Some(self.agent("debtor_agent", codes::RC03)?),
            creditor_agent: Some(self.agent("creditor_agent", codes::RC04)?),
            creditor: party("creditor"),
            creditor_account: Some(self.account("creditor_account", codes::AC03, "creditor")?),
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

    /// A table has neither signs nor spaces nor a comma in an amount; all else is judged as in a message.
    fn amount(&self) -> Result<(Amount, Currency), Refusal> {
        let (text, currency) = (self.get("amount"), self.get("currency"));
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            let text = "amount is no decimal number; write it with a point, as 1234.50".to_owned();
            return Err(refusal(codes::AM12, text));
        }
        ToldAmount { text: text.to_owned(), currency: currency.to_owned() }.to_minor()
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

    /// What looks like an IBAN is one, or is refused: taken for a bank's own number it would be paid to the bank's clearing
    /// account. A number that only looks like one has its scheme before it.
    fn account(&self, column: &str, code: ReasonCode, whose: &str) -> Result<AccountId, Refusal> {
        let text = self.get(column);
        let other = |id: &str, scheme| AccountId::Other { id: id.to_owned(), scheme };
        let account = match text.split_once(':') {
            _ if text.is_empty() => return Err(refusal(code, format!("{column} is empty"))),
            Some((scheme, iban)) if scheme.eq_ignore_ascii_case("IBAN") => AccountId::Iban(iban.to_owned()),
            Some((scheme, id)) if !scheme.is_empty() && !id.is_empty() => other(id, Some(scheme.to_owned())),
            Some(_) => return Err(refusal(code, format!("{column} is not SCHEME:number"))),
            None if has_iban_shape(text) => AccountId::Iban(text.to_owned()),
            None => other(text, None),
        };
        check_iban(Some(&account), code, whose)?;
        match &account {
            AccountId::Other { id, .. } if id.chars().count() > CSV_ACCOUNT_CHARACTERS_MAX => {
                let text =
                    format!("{column} has a number of more than {CSV_ACCOUNT_CHARACTERS_MAX} characters");
                Err(refusal(code, text))
            }
            _ => Ok(account),
        }
    }
}

fn refusal(code: ReasonCode, text: String) -> Refusal {
    Refusal { code, text }
}

/// Whether `text` can only be meant as an IBAN, right or wrong: two letters, two digits, and letters or digits in an IBAN's
/// length, in whatever case, with spaces or dashes between.
fn has_iban_shape(text: &str) -> bool {
    let written = || text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
    (15..=34).contains(&written().count())
        && written().take(2).all(|byte| byte.is_ascii_alphabetic())
        && written().skip(2).take(2).all(|byte| byte.is_ascii_digit())
        && written().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use feiqian_iso20022::Limits;

    use super::*;
    use crate::csv::reading::CsvReader;

    /// An IBAN with right check digits; with [`WRONG`] check digits it is none.
    const RIGHT: &str = "DE89370400440532013000";
    const WRONG: &str = "DE88370400440532013000";

    fn line(line: &str) -> Result<Box<(MessageHead, CreditTransfer)>, Refusal> {
        let head = "debtor_agent,debtor_account,creditor_agent,creditor_account,amount,currency,uetr";
        let text = format!("{head}\n{line}\n");
        let mut reader = CsvReader::new(text.as_bytes(), Limits::default(), [0; 32]).expect("a header");
        reader.next_line().expect("a table").expect("a line").payment
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
            ("BNKAXXAA,1,BNKBXXAA,2,,EUR,", codes::AM12),
            ("BNKAXXAA,1,BNKBXXAA,2,9999999999999999999999999,EUR,", codes::AM02),
            ("BNKAXXAA,1,BNKBXXAA,2,1.5,JPY,", codes::AM12),
            ("BNKAXXAA,1,BNKBXXAA,2,1,eur,", codes::AM03),
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
    fn what_looks_like_an_iban_is_one_or_no_account() {
        let account = |text: &str| {
            let payer = line(&format!("BNKAXXAA,{text},BNKBXXAA,2,1,EUR,"));
            let payee = line(&format!("BNKAXXAA,1,BNKBXXAA,{text},1,EUR,"));
            let codes =
                (payer.as_ref().err().map(|refusal| refusal.code), payee.err().map(|refusal| refusal.code));
            assert!(
                matches!(codes, (None, None) | (Some(codes::AC02), Some(codes::AC03))),
                "{text}: {codes:?}"
            );
            payer.ok().and_then(|payment| payment.1.details.debtor_account)
        };
        for iban in [RIGHT.to_owned(), format!("IBAN:{RIGHT}"), format!("iban:{RIGHT}")] {
            assert_eq!(account(&iban), Some(AccountId::Iban(RIGHT.to_owned())), "{iban}");
        }
        let spaced = "DE89 3704 0044 0532 0130 00";
        for wrong in [WRONG, "de89370400440532013000", spaced, &format!("IBAN:{WRONG}"), "IBAN:4711", "IBAN:"]
        {
            assert_eq!(account(wrong), None, "{wrong}");
        }
        let own = AccountId::Other { id: WRONG.to_owned(), scheme: Some("BBAN".to_owned()) };
        assert_eq!(account(&format!("BBAN:{WRONG}")), Some(own), "whose scheme is said is what it says");
        assert_eq!(account(&"9".repeat(35)), None, "no account has so long a number");
    }

    #[test]
    fn a_wrong_iban_still_has_the_shape_of_one() {
        for meant in
            [RIGHT, WRONG, "de89370400440532013000", "DE89 3704 0044 0532 0130 00", "NO93-8601-1117-947"]
        {
            assert!(has_iban_shape(meant), "{meant}");
        }
        let others =
            ["", "4711", "DE89", "370400440532013000", "D189370400440532013000", "DE89/370400440532013"];
        for other in others {
            assert!(!has_iban_shape(other), "{other}");
        }
    }
}
