//! Bounds of requests and answers, with their reasons. What the operator may change is in `options.rs`.

use std::time::Duration;

/// Bytes of the body of a single instruction: all of its fields at their longest, with room for escapes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the body of a bulk: a full batch with short texts in each.
pub(crate) const BULK_BYTES_MAX: usize = 8 << 20;
/// Transfers of a bulk that stops at the first refusal: each waits for the one before to be durable.
pub(crate) const STOP_TRANSFERS_MAX: usize = 1_024;
/// Items of one page of a list, unless fewer are asked for.
pub(crate) const PAGE_ITEMS: usize = 100;
/// Items of one page of a list at the most.
pub(crate) const PAGE_ITEMS_MAX: usize = 1_000;
/// Accounts that one page of a list looks through: bounds how long the registry is held.
pub(crate) const ACCOUNTS_SCANNED_MAX: usize = 100_000;
/// Bytes of an account's name, and of a cursor: longer than any that there is.
pub(crate) const NAME_BYTES_MAX: usize = 64;
/// Characters of `EndToEndId`: `Max35Text`.
pub(crate) const END_TO_END_ID_MAX: usize = 35;
/// Characters of a line of remittance information: `Max140Text`.
pub(crate) const REMITTANCE_MAX: usize = 140;
/// Entries of the journal that one round of an event stream reads, before others have their turn.
pub(crate) const EVENTS_SCANNED: u64 = 16_384;
/// Blocks between the two of a proof of consistency, which holds all headers between them: 16 MiB.
pub(crate) const CONSISTENCY_BLOCKS_MAX: u64 = 65_536;
/// Seconds for which a QR code that pays once is good, unless the payee says otherwise: a queue at a counter.
pub(crate) const CODE_EXPIRES_S: u32 = 900;
/// The same at the most.
pub(crate) const CODE_EXPIRES_S_MAX: u32 = 86_400;
/// Seconds for which a token that lets its holder be charged is good, unless they say otherwise: it is shown at once.
pub(crate) const TOKEN_EXPIRES_S: u32 = 300;
/// The same at the most: whoever has photographed it may charge it.
pub(crate) const TOKEN_EXPIRES_S_MAX: u32 = 3_600;
/// Pixels of a module of a drawn code, each way: readable from a phone's screen.
pub(crate) const CODE_MODULE_PIXELS: usize = 8;
/// Bytes of an XML message that is posted; larger ones belong into the inbox.
pub(crate) const XML_BYTES_MAX: usize = 8 << 20;
/// Messages without payments that are worked on at once: each may look through much of the journal or of the outbox.
pub(crate) const MESSAGES_AT_ONCE: usize = 2;
/// Bytes of a picture of a code: a screenshot, or a photograph of a counter that was scaled down.
pub const PICTURE_BYTES_MAX: usize = 4 << 20;
/// Pictures that are read at once, each by a process of its own.
pub(crate) const SCANS_AT_ONCE: usize = 2;
/// Bytes of what such a process says: the largest payload, with a word before it.
pub(crate) const SCAN_ANSWER_BYTES_MAX: u64 = 4_096;
/// Transfers that may be tried to pay one code: a payer who lacked funds, another card, and then it is spent.
pub(crate) const CODE_ATTEMPTS_MAX: u8 = 16;
/// KiB of large bodies that are taken in at once, of all connections together: 16 bulks.
pub(crate) const LARGE_BODIES_KIB_MAX: usize = 16 * (BULK_BYTES_MAX >> 10);
/// How long one stream of events lasts; its client then comes back and proves again who it is.
pub(crate) const STREAM_LASTS: Duration = Duration::from_secs(3_600);
/// One caller's share of all streams: so that none takes all.
pub(crate) const STREAMS_SHARE: usize = 8;
/// Events of one request to a webhook: some 40 KiB, and few enough that a repetition costs little.
pub(crate) const WEBHOOK_EVENTS_MAX: usize = 100;
/// Bytes of all events of such a request.
pub(crate) const WEBHOOK_BYTES_MAX: usize = 256 * 1024;
/// Events read ahead for one target: ten requests, so that a frame is not read again for each.
pub(crate) const WEBHOOK_AHEAD_MAX: usize = 10 * WEBHOOK_EVENTS_MAX;
/// Bytes of the list of registered webhooks: all that there may be, with addresses at their longest.
pub(crate) const WEBHOOK_BOOK_BYTES_MAX: u64 = 1 << 20;
/// The largest sequence that a request may name: what every client's numbers hold exactly (RFC 8259, 6).
pub(crate) const SEQUENCE_MAX: u64 = (1 << 53) - 1;
/// Targets of webhooks: each has a thread, and reads the journal by itself.
pub const WEBHOOK_TARGETS_MAX: usize = 64;
/// Characters of a target's name, which is part of a file's name.
pub(crate) const WEBHOOK_NAME_MAX: usize = 32;
/// Bytes of a target's address.
pub(crate) const WEBHOOK_URL_BYTES_MAX: usize = 2_048;
/// Bytes of an answer that are read, so that its connection can be used again; what it says is not looked at.
pub(crate) const WEBHOOK_ANSWER_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of the file that keeps a target's place.
pub(crate) const WEBHOOK_PLACE_BYTES_MAX: u64 = 4_096;
/// Entries of others after which a target's place is written down though it was sent nothing: bounds what is read again.
pub(crate) const WEBHOOK_PLACE_ENTRIES: u64 = 1 << 20;
/// How long a stop waits for requests to webhooks that are under way; what becomes of them the next start finds out.
pub(crate) const WEBHOOK_STOP_WAIT: Duration = Duration::from_secs(2);

const _: () =
    assert!(WEBHOOK_TARGETS_MAX as u64 * (2 * WEBHOOK_URL_BYTES_MAX as u64 + 512) < WEBHOOK_BOOK_BYTES_MAX);
