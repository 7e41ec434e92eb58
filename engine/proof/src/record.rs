//! The fields of a 128-byte record that verifiers read; the whole layout is the core's.

use crate::leaf::RECORD_BYTES;

const CLEARED: u8 = 1;
const OUTCOME: usize = 120;

/// Bytes that the engine sets when it decides: sequence, timestamp, outcome, reason.
pub(crate) const DECIDED: core::ops::Range<usize> = 104..122;

type Record = [u8; RECORD_BYTES];

fn word(record: &Record, at: usize) -> u64 {
    u64::from_le_bytes(record.as_chunks::<8>().0[at])
}

/// Handle of the account that pays.
pub(crate) fn debtor(record: &Record) -> u64 {
    word(record, 2)
}

/// Handle of the account that is paid.
pub(crate) fn creditor(record: &Record) -> u64 {
    word(record, 3)
}

/// Minor units.
pub(crate) fn amount(record: &Record) -> u64 {
    word(record, 4)
}

/// ISO 4217 numeric code.
pub(crate) fn currency(record: &Record) -> u16 {
    u16::from_le_bytes([record[40], record[41]])
}

/// The place in the chain's whole sequence.
pub(crate) fn sequence(record: &Record) -> u64 {
    word(record, 13)
}

/// Whether the amount has moved.
pub(crate) fn is_cleared(record: &Record) -> bool {
    record[OUTCOME] == CLEARED
}
