//! Reading ISO 20022 messages: pacs.008 from bytes to payments that passed every check of form, on one thread and without an
//! engine. What is read is counted and summed, and must be what was written.

use std::fmt::Write as _;
use std::time::Instant;

use feiqian_iso20022::Limits;
use feiqian_iso20022::payment::Entry;
use feiqian_iso20022::transfers::TransferReader;

/// What a run gave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MessagesReport {
    /// Transactions a second of one file with many.
    pub per_second: f64,
    /// Microseconds for a message with one.
    pub single_us: f64,
}

/// Messages with one transaction that are read one after the other.
const SINGLES: u64 = 20_000;

/// A pacs.008 with so many transactions, the n-th over n cents.
#[must_use]
pub fn pacs_008(count: u64) -> String {
    let total = count * (count + 1) / 2;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\">\
         <FIToFICstmrCdtTrf><GrpHdr><MsgId>BENCH</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>\
         <TtlIntrBkSttlmAmt Ccy=\"EUR\">{}</TtlIntrBkSttlmAmt><IntrBkSttlmDt>2026-03-16</IntrBkSttlmDt><SttlmInf>\
         <SttlmMtd>CLRG</SttlmMtd></SttlmInf><InstgAgt><FinInstnId><BICFI>BNKAXXAAXXX</BICFI></FinInstnId></InstgAgt></GrpHdr>\n",
        decimal(total)
    );
    for number in 1..=count {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "<CdtTrfTxInf><PmtId><InstrId>INSTR-{number}</InstrId><EndToEndId>E2E-{number}</EndToEndId><TxId>TX-{number}</TxId>\
             <UETR>46b0a06f-90a1-4b8e-bd35-{number:012x}</UETR></PmtId><IntrBkSttlmAmt Ccy=\"EUR\">{}</IntrBkSttlmAmt>\
             <ChrgBr>SLEV</ChrgBr><Dbtr><Nm>Versorgung AG</Nm></Dbtr><DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>\
             <DbtrAgt><FinInstnId><BICFI>BNKAXXAAXXX</BICFI></FinInstnId></DbtrAgt><CdtrAgt><FinInstnId><BICFI>BNKBXXAAXXX</BICFI>\
             </FinInstnId></CdtrAgt><Cdtr><Nm>Customer {number}</Nm></Cdtr><CdtrAcct><Id><IBAN>DE27500105170000000000</IBAN></Id>\
             </CdtrAcct><RmtInf><Ustrd>Invoice {number}</Ustrd></RmtInf></CdtTrfTxInf>",
            decimal(number)
        );
    }
    text.push_str("</FIToFICstmrCdtTrf></Document>\n");
    text
}

fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Reads one file with `count` transactions, and many with one.
///
/// # Errors
/// What could not be read, or was read as something else, in words.
pub fn run(count: u64) -> Result<MessagesReport, String> {
    let (bulk, single) = (pacs_008(count), pacs_008(1));
    let begun = Instant::now();
    read(&bulk, count)?;
    let per_second = count as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    for _ in 0..SINGLES {
        read(&single, 1)?;
    }
    let single_us = begun.elapsed().as_secs_f64() * 1e6 / SINGLES as f64;
    Ok(MessagesReport { per_second, single_us })
}

fn read(text: &str, count: u64) -> Result<(), String> {
    let fault = |error: feiqian_iso20022::ReadError| error.to_string();
    let mut reader = TransferReader::new(text.as_bytes(), Limits::default()).map_err(fault)?;
    let (mut number, mut sum) = (0, 0);
    while let Some(entry) = reader.next_transfer().map_err(fault)? {
        match entry {
            Entry::Transfer(transfer) => {
                number += 1;
                sum += transfer.amount.minor();
            }
            Entry::Refused(refused) => {
                return Err(format!("transaction {}: {}", refused.index, refused.refusal.text));
            }
        }
    }
    let summary = reader.finish().map_err(fault)?;
    match number == count && sum == count * (count + 1) / 2 && summary.refusals.is_empty() {
        true => Ok(()),
        false => {
            Err(format!("{number} transactions over {sum} cents were read, {:?}", summary.refusals.first()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_read_and_nothing_else_passes() {
        let report = run(50).expect("readable");
        assert!(report.per_second > 0.0 && report.single_us > 0.0);
        assert!(read(&pacs_008(3), 2).is_err());
        assert!(read(&pacs_008(3).replace("0.02<", "0.01<"), 3).is_err(), "the control sum is held");
        assert!(read(&pacs_008(3).replace("</Nm>", "</Mn>"), 3).is_err());
    }
}
