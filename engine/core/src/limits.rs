//! Every bound of the core, with its reason. A bound that depends on another says so to the compiler.

use crate::frame::FRAME_HEADER_BYTES;

/// A transfer record, and the unit that everything in the journal is a multiple of.
pub const RECORD_BYTES: usize = 128;
/// The entry of one batch in a frame's batch table.
pub const BATCH_ENTRY_BYTES: usize = 128;
/// Transfers in one batch. 8,190 records with preamble, entry and header take one write of 1 MiB and a block.
pub const BATCH_TRANSFERS_MAX: usize = 8_190;
/// Transfers in one frame: one full batch, or many small ones.
pub const FRAME_TRANSFERS_MAX: usize = 8_190;
/// Batches in one frame, so that the batch table of a frame full of single transfers is bounded too.
pub const FRAME_BATCHES_MAX: usize = 1_024;
/// Payment details carried beside the records of one frame.
pub const FRAME_DETAILS_BYTES_MAX: usize = 512 * 1024;
/// Payload of one frame.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Details of one transfer (its parties, references and remittance text, as its adapter wrote them).
pub const DETAILS_BYTES_MAX: usize = 60 * 1024;
/// Transfers in one chain: a payment, its two FX legs and their fees fit many times over; the checks of a
/// chain cost its length squared.
pub const CHAIN_TRANSFERS_MAX: usize = 64;
/// An encoded command with its approvals.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;
/// Proposals that are not decided, approved ones that wait among them: people read them one by one.
pub const PROPOSALS_MAX: usize = 1_024;
/// A proposed command, kind and body; all that may be pending stays below 16 MiB in every shard.
pub const PROPOSED_BYTES_MAX: usize = 16 * 1024;
/// Seconds that a proposal stands at the most: 30 days.
pub const PROPOSAL_SECONDS_MAX: u32 = 30 * 86_400;
/// Seconds that a loosening is delayed at the most: 30 days, which shortening the delay takes too.
pub const DELAY_SECONDS_MAX: u32 = 30 * 86_400;
/// Officers that remain: four eyes take two.
pub const OFFICERS_MIN: usize = 2;
/// Participants and the currencies of one; the product bounds what one closing of a cycle costs.
pub const PARTICIPANTS_MAX: usize = 65_536;
/// Positions (participant and currency).
pub const SLOTS_MAX: usize = 262_144;
/// Accounts of one engine.
pub const ACCOUNTS_MAX: usize = 64_000_000;
/// Accounts that one command opens.
pub const ACCOUNTS_OPENED_MAX: u32 = 10_000_000;
/// Bytes of one alias (an IBAN has 34, `USABA:` and a routing number 15).
pub const ALIAS_BYTES_MAX: usize = 64;
/// Bytes of a participant's name (ISO 20022 `Max140Text`).
pub const NAME_BYTES_MAX: usize = 140;
/// Cycles that are closed and not yet settled, of all streams together: so many nets may stand in a position's cell, which may
/// have been counted in cycles of two streams.
pub const UNSETTLED_CYCLES_MAX: usize = 64;
/// Closed cycles whose net positions are kept at hand, settled ones among them.
pub const CLOSED_CYCLES_KEPT: usize = 1_024;
/// Rounds of one resolution of queued payments. One costs a few passes over the queue, so that 10,000 payments
/// are done in 50 ms whatever they are; a day's queue takes two to four, and what a queue made to need more
/// keeps is released by the next resolution.
pub const RESOLUTION_ROUNDS_MAX: usize = 8;
/// Shards of one engine: a set of them fits one 64-bit word.
pub const SHARDS_MAX: usize = 64;
/// Holds that are pending at once on one account; a card issuer's clearing account carries all of its.
pub const ACCOUNT_HOLDS_MAX: u32 = 4_000_000;

/// Payments that wait on one account at once; more are rejected as if they might not wait.
pub const ACCOUNT_QUEUED_MAX: usize = 100_000;

/// Waiting payments that one resolution looks at: some tens of milliseconds beside the batcher.
pub const RESOLUTION_PAYMENTS_MAX: usize = 16_384;

/// Cut-offs of a business day.
pub const CUT_OFFS_MAX: usize = 96;

/// Holidays in a calendar: with four bytes each they fit a proposal.
pub const HOLIDAYS_MAX: usize = 2_000;

/// Positions that a recast or a waterfall names; with 20 bytes each they fit a command.
pub const RECAST_POSITIONS_MAX: usize = 3_000;

/// Postings that have been ordered and have not expired: people order them one by one.
pub const ORDERS_MAX: usize = 4_096;
/// Seconds that an ordered posting stands at the most: a day, then it is ordered anew.
pub const ORDER_SECONDS_MAX: u32 = 86_400;
/// Bytes of the reason of a posting (ISO 20022 `Max140Text`).
pub const REASON_BYTES_MAX: usize = 140;

/// Of these, returns out of what is held for fraud cases, which a bank orders alone: the rest is left to officers.
pub const CASE_ORDERS_MAX: usize = 3_072;
/// Of these, those from one account for one case within a day, carried out or not.
pub const RETURN_PARTS_MAX: usize = 16;

/// Fraud cases that run: each costs some hundred bytes in every shard, and up to five thousand with what is asked.
pub const CASES_MAX: usize = 4_096;
/// Fraud cases of one reporter that run: a sixteenth, so that one bank can't keep others from reporting.
pub const REPORTER_CASES_MAX: usize = 256;
/// Seconds that a fraud case runs at the most: 30 days.
pub const CASE_SECONDS_MAX: u32 = 30 * 86_400;
/// Hops that reported money is followed at the most.
pub const FRAUD_HOPS_MAX: u8 = 5;
/// Accounts that one trace names.
pub const TRACED_ACCOUNTS_MAX: usize = 128;
/// Transfers that one trace names; with eight bytes each they fit a command.
pub const TRACED_TRANSFERS_MAX: usize = 2_048;
/// Postings of an account, and payments that wait to be looked at, in a trace: some megabytes.
pub const TRACED_POSTINGS_MAX: usize = 65_536;

/// Rates in force, and quotes that are locked and have not expired.
pub const RATES_MAX: usize = 65_536;
pub const QUOTES_MAX: usize = 65_536;
/// Tariffs in force: a payment asks for at most sixteen of them by scope, and each is a leaf of the configuration.
pub const TARIFFS_MAX: usize = 4_096;
/// Changes of tariffs that are announced, or have just come: all are looked at for each scope of a payment.
pub const TARIFF_CHANGES_MAX: usize = 256;
/// A change of tariffs is announced so long ahead at the least.
pub const TARIFF_NOTICE_SECONDS: u32 = 60;
/// For so long after an announced change what was right before it passes too: longer than a chain is on its way. No
/// longer than the notice, so that a tariff changes once in it.
pub const TARIFF_GRACE_SECONDS: u32 = 60;
/// Tiers of a tariff.
pub const TIERS_MAX: usize = 16;
/// Beneficiaries of a tariff: a payment with the legs of both sides fits a chain twice over.
pub const BENEFICIARIES_MAX: usize = 8;
/// Bilateral limits, and velocity limits, of one engine: each costs some tens of bytes in every shard.
pub const LIMITS_MAX: usize = 1 << 20;

const _: () = assert!(
    BATCH_TRANSFERS_MAX * RECORD_BYTES + 2 * BATCH_ENTRY_BYTES + FRAME_HEADER_BYTES <= (1 << 20) + 4096
);
const _: () = assert!(
    (FRAME_TRANSFERS_MAX * RECORD_BYTES) + (FRAME_BATCHES_MAX * BATCH_ENTRY_BYTES) + FRAME_DETAILS_BYTES_MAX
        <= FRAME_PAYLOAD_BYTES_MAX
);
const _: () = assert!(2 * (1 + 2 * BENEFICIARIES_MAX) <= CHAIN_TRANSFERS_MAX);
const _: () = assert!(COMMAND_BYTES_MAX <= FRAME_PAYLOAD_BYTES_MAX);
const _: () = assert!(TRACED_TRANSFERS_MAX * 8 + TRACED_ACCOUNTS_MAX * 32 + 256 <= COMMAND_BYTES_MAX);
const _: () = assert!(
    RETURN_PARTS_MAX < CASE_ORDERS_MAX && CASE_ORDERS_MAX < ORDERS_MAX && REPORTER_CASES_MAX < CASES_MAX
);
const _: () = assert!(PROPOSED_BYTES_MAX + 256 <= COMMAND_BYTES_MAX);
const _: () = assert!(UNSETTLED_CYCLES_MAX < CLOSED_CYCLES_KEPT);
// The engine's own handle is no participant's.
const _: () = assert!(PARTICIPANTS_MAX < 0xFFFF_FFFF);
// What a verifier accepts is what the engine makes.
const _: () = assert!(BATCH_TRANSFERS_MAX == feiqian_proof::kinds::BATCH_RECORDS_MAX);
const _: () = assert!(SLOTS_MAX == feiqian_proof::kinds::POSITIONS_MAX);
