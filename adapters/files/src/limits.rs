//! Every bound of the file transport, with its reason. Bounds of a single message stand in the codec's limits.

use std::time::Duration;

use feiqian_core::limits::{BATCH_TRANSFERS_MAX, DETAILS_BYTES_MAX, FRAME_DETAILS_BYTES_MAX};

/// Files of one run; the rest stays for the next, in name order.
pub const FILES_MAX: usize = 10_000;
/// Directories inside one another below the inbox.
pub const DEPTH_MAX: usize = 8;
/// Transfers in one batch: a tenth of a frame's worth, so that a large file shares frames with others.
pub const BATCH_TRANSFERS: usize = 1_000;
/// Payment details of one batch: half of what a frame holds.
pub const BATCH_DETAILS_BYTES: usize = 256 * 1024;
/// Batches of one file that wait for their outcomes at once.
pub const BATCHES_IN_FLIGHT: usize = 8;
/// Between two attempts to submit to a busy engine.
pub const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// Attempts before a file is left for the next run: half a minute of a busy engine.
pub const BUSY_ATTEMPTS: u32 = 6_000;
/// Looks for a block that is sealed and not stored yet, so far apart: a second in all, where it takes some milliseconds.
pub const STORED_ATTEMPTS: u32 = 200;
/// Files up to this size are read once and kept; larger ones are read again for every pass.
pub const MEMORY_BYTES_MAX: u64 = 16 << 20;
/// Distinct reasons of one file that are kept with their text; any more keep their code.
pub const REASONS_MAX: usize = 10_000;
/// Bytes of an input's name that its answer's name repeats; the digest behind it tells names apart.
pub const STEM_BYTES_MAX: usize = 96;
/// Agents of an inbox that are registered.
pub const AGENTS_MAX: usize = 10_000;
/// Returns in one message that is passed on: it is held in memory.
pub const FORWARDED_RETURNS: usize = 1_000;
/// Payments of a message that is asked for or recalled as a whole: they are held in memory.
pub const GROUP_PAYMENTS_MAX: usize = 10_000;
/// Messages that one customer's recall has read again, one after the other: each may have as many payments as that.
pub const RECALLED_MESSAGES_MAX: usize = 100;
/// Recalled payments in one message that is passed on: well below what a reader of recalls takes.
pub const FORWARDED_RECALLS: usize = 1_000;
/// Requests to pay in one message: all of them are noted in one file, which each answer rewrites.
pub const REQUESTED_PAYMENTS_MAX: usize = 1_000;
/// Accounts of one verification request: those of a payer's next payments, not a search of the directory.
pub const VERIFICATIONS_MAX: usize = 100;
/// Accounts of one answer to a query: they are told from one look at the balances, which the batcher waits for.
pub const QUERIED_ACCOUNTS_MAX: usize = 100;
/// Cycles that one request for reports is told of: a month's, where one closes each day.
pub const ANSWERED_REPORTS_MAX: usize = 31;
/// Entries of the journal that one file, or one look at what waits, may cause to be looked through: a few seconds.
pub const SCANNED_ENTRIES_MAX: u64 = 20_000_000;
/// Entries of an account report that stand one by one; a busier cycle is summed up by counterparty.
pub const REPORT_ENTRIES_MAX: usize = 1_000;
/// Bytes of a letter that is handed out over a connection: many times what a message is that came over one.
pub const LETTER_BYTES_MAX: u64 = 64 << 20;
/// Bytes of one line of a CSV file: all of its columns at their longest, quoted.
pub const CSV_LINE_BYTES_MAX: usize = 16 * 1024;
/// Characters of a CSV file's field: ISO 20022's Max140Text.
pub const CSV_FIELD_CHARACTERS_MAX: usize = 140;
/// Characters of an account's number in a CSV file: ISO 20022's Max34Text, and an IBAN's most.
pub const CSV_ACCOUNT_CHARACTERS_MAX: usize = 34;

const _: () = assert!(BATCH_TRANSFERS <= BATCH_TRANSFERS_MAX);
const _: () =
    assert!(BATCH_DETAILS_BYTES + DETAILS_BYTES_MAX + 8 * BATCH_TRANSFERS <= FRAME_DETAILS_BYTES_MAX);
