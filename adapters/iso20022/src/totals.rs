//! Counts and sums of a file, against what its headers promise, and the ids that may stand once only.
//!
//! Sums are exact: hundred-thousandths in 128 bits, since an amount has at most five decimals. Ids are kept as
//! 16 bytes of a hash in an ordered set, bounded by the transactions that a file may have.

use std::collections::BTreeSet;

use feiqian_core::currency::Currency;

use crate::codes;
use crate::limits::FILE_REFUSALS_MAX;
use crate::payment::{MessageHead, PaymentIds, Refusal, ToldAmount, header_refusals};

/// What stands where a debtor gave no reference; it may repeat.
pub(crate) const NOT_PROVIDED: &str = "NOTPROVIDED";

const DECIMALS: usize = 5;

#[derive(Debug, Default)]
pub(crate) struct Totals {
    sum: u128,
    block: Block,
    has_foreign_currency: bool,
    seen: BTreeSet<[u8; 16]>,
    refusals: Vec<Refusal>,
}

#[derive(Debug, Default)]
struct Block {
    count: u64,
    sum: u128,
    expected_count: Option<String>,
    expected_sum: Option<String>,
}

/// A decimal in hundred-thousandths; none if it has finer digits or is no plain decimal.
pub(crate) fn hundred_thousandths(text: &str) -> Option<u128> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS {
        return None;
    }
    let padding = std::iter::repeat_n(b'0', DECIMALS - fraction.len());
    whole.bytes().chain(fraction.bytes()).chain(padding).try_fold(0_u128, |value, digit| {
        let digit = char::from(digit).to_digit(10)?;
        value.checked_mul(10)?.checked_add(u128::from(digit))
    })
}

/// A decimal in minor units of its currency, zero included; none if it has finer digits or is no plain decimal.
pub(crate) fn minor_units(text: &str, currency: Currency) -> Option<u128> {
    let finer = DECIMALS.checked_sub(usize::from(currency.exponent()))?;
    let unit = 10_u128.checked_pow(u32::try_from(finer).ok()?)?;
    let value = hundred_thousandths(text)?;
    value.is_multiple_of(unit).then_some(value / unit)
}

/// A decimal that is a whole number, however many zeros it is written with (`Number`: `7`, `07`, `7.00`).
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let value = hundred_thousandths(text)?;
    let unit = 10_u128.pow(5);
    if value.is_multiple_of(unit) { u64::try_from(value / unit).ok() } else { None }
}

fn decimal(sum: u128) -> String {
    let text = format!("{}.{:05}", sum / 100_000, sum % 100_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn key(kind: u8, text: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[kind]).update(text.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

impl Totals {
    pub(crate) fn open_block(&mut self) {
        self.block = Block::default();
    }

    pub(crate) fn expect_in_block(&mut self, count: &str) {
        self.block.expected_count = Some(count.to_owned());
    }

    pub(crate) fn expect_sum_in_block(&mut self, sum: &str) {
        self.block.expected_sum = Some(sum.to_owned());
    }

    pub(crate) fn add(&mut self, amount: &ToldAmount, total_currency: Option<&str>) {
        let value = hundred_thousandths(&amount.text).unwrap_or(0);
        self.sum = self.sum.saturating_add(value);
        self.block.sum = self.block.sum.saturating_add(value);
        self.block.count += 1;
        self.has_foreign_currency |= total_currency.is_some_and(|currency| currency != amount.currency);
    }

    pub(crate) fn close_block(&mut self, id: Option<&str>) {
        let block = std::mem::take(&mut self.block);
        let id = id.unwrap_or("");
        if let Some(expected) = block.expected_count.filter(|text| text.parse() != Ok(block.count)) {
            let text = format!("PmtInf {id}: NbOfTxs says {expected}, there are {}", block.count);
            self.refuse(codes::AM20, text);
        }
        if let Some(expected) = block.expected_sum.filter(|text| hundred_thousandths(text) != Some(block.sum))
        {
            let text = format!("PmtInf {id}: CtrlSum says {expected}, the sum is {}", decimal(block.sum));
            self.refuse(codes::AM17, text);
        }
    }

    /// Remembers the ids of a transaction.
    ///
    /// # Errors
    /// The refusal of a transaction whose UETR or `TxId` stood before; without both, its `InstrId`, and without
    /// that its `EndToEndId`: where a finer id tells transactions apart, coarser ones may repeat.
    pub(crate) fn note_ids(&mut self, ids: &PaymentIds) -> Result<(), Refusal> {
        let uetr = ids.uetr.map(|uetr| uetr.to_string());
        let instruction = ids.instruction.as_deref();
        let end_to_end = ids.end_to_end.as_deref().filter(|id| *id != NOT_PROVIDED);
        let finest = match (&uetr, ids.transaction.as_deref()) {
            (None, None) => [
                (b'I', instruction, "InstrId", codes::DU05),
                (b'E', end_to_end.filter(|_| instruction.is_none()), "EndToEndId", codes::DU04),
            ],
            (uetr, transaction) => {
                [(b'U', uetr.as_deref(), "UETR", codes::DU03), (b'T', transaction, "TxId", codes::DU03)]
            }
        };
        for (kind, id, name, code) in finest {
            if let Some(id) = id.filter(|id| !self.seen.insert(key(kind, id))) {
                let text = format!("{name} {id} stands twice in the file; give each transaction its own");
                return Err(Refusal { code, text });
            }
        }
        Ok(())
    }

    /// What speaks against the file as a whole, now that it was read to its end.
    pub(crate) fn refusals(&mut self, head: &MessageHead, count: u64) -> Vec<Refusal> {
        self.check_header(head);
        if let Some(expected) = head.number_of_transactions.filter(|expected| *expected != count) {
            self.refuse(codes::AM18, format!("NbOfTxs says {expected}, there are {count} transactions"));
        }
        if let Some(expected) =
            head.control_sum.as_ref().filter(|text| hundred_thousandths(text) != Some(self.sum))
        {
            self.refuse(codes::AM10, format!("CtrlSum says {expected}, the sum is {}", decimal(self.sum)));
        }
        if let Some(total) = &head.total {
            if self.has_foreign_currency {
                let text = format!("transactions in other currencies than the total's {}", total.currency);
                self.refuse(codes::CURR, format!("{text}; send a file a currency"));
            } else if hundred_thousandths(&total.text) != Some(self.sum) {
                let text = format!("the total says {}, the sum is {}", total.text, decimal(self.sum));
                self.refuse(codes::AM10, text);
            }
        }
        std::mem::take(&mut self.refusals)
    }

    fn check_header(&mut self, head: &MessageHead) {
        let agent = ("InstgAgt", head.instructing_agent.as_ref());
        for refusal in header_refusals(head.business.as_ref(), head.message_type, agent) {
            self.refuse(refusal.code, refusal.text);
        }
    }

    fn refuse(&mut self, code: codes::ReasonCode, text: String) {
        if self.refusals.len() < FILE_REFUSALS_MAX {
            self.refusals.push(Refusal { code, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_to_five_decimals() {
        let rows =
            [("+1.50", Some(150_000)), (".5", Some(50_000)), ("5.", Some(500_000)), ("0.000010", Some(1))];
        for (text, expected) in rows {
            assert_eq!(hundred_thousandths(text), expected, "{text}");
        }
        assert_eq!(hundred_thousandths("0.000001"), None);
        assert_eq!(hundred_thousandths("-1"), None);
        assert_eq!(decimal(150_000), "1.5");
        let minor = |text, code| Currency::from_code(code).and_then(|currency| minor_units(text, currency));
        assert_eq!(minor("12.30", "EUR"), Some(1_230));
        assert_eq!(minor("12", "JPY"), Some(12));
        assert_eq!(minor("0.0010", "KWD"), Some(1));
        assert_eq!(minor("12.345", "EUR"), None);
        assert_eq!(minor("0", "EUR"), Some(0));
        for (text, number) in [("7", Some(7)), ("07.00", Some(7)), ("7.5", None), ("-7", None)] {
            assert_eq!(whole_number(text), number, "{text}");
        }
        assert_eq!(decimal(0), "0");
    }

    #[test]
    fn the_finest_id_decides_what_a_duplicate_is() {
        let ids = |transaction: Option<&str>, end_to_end: &str| PaymentIds {
            transaction: transaction.map(str::to_owned),
            end_to_end: Some(end_to_end.to_owned()),
            ..PaymentIds::default()
        };
        let mut totals = Totals::default();
        assert!(totals.note_ids(&ids(Some("T1"), "E1")).is_ok());
        assert!(totals.note_ids(&ids(Some("T2"), "E1")).is_ok());
        assert_eq!(totals.note_ids(&ids(Some("T1"), "E2")).map_err(|refusal| refusal.code), Err(codes::DU03));
        assert!(totals.note_ids(&ids(None, NOT_PROVIDED)).is_ok());
        assert!(totals.note_ids(&ids(None, NOT_PROVIDED)).is_ok());
        assert!(totals.note_ids(&ids(None, "E1")).is_ok());
        assert_eq!(totals.note_ids(&ids(None, "E1")).map_err(|refusal| refusal.code), Err(codes::DU04));
    }
}
