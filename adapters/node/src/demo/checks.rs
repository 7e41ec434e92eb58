//! What the demo holds itself to: named checks, each of which can fail. Never repairs what it finds.

use std::collections::BTreeMap;

use feiqian_core::outcome::Outcome;
use feiqian_files::settlement::SettlementReport;
use feiqian_files::{Disposition, IntakeReport, WorkDir};
use feiqian_iso20022::Limits;
use feiqian_iso20022::events::{Event, Events};
use feiqian_proof::Hash;
use feiqian_proof::signature::{PublicKey, verify_header};
use serde::Serialize;

use super::load::{Load, LoadResult};
use crate::commands::verify;
use crate::fault::Fault;
use crate::session::Session;

/// Names and whether they hold, in the order in which they were checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks(Vec<(String, bool)>);

impl Serialize for Checks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, holds)| (name, holds)))
    }
}

/// What became of a receipt with wrong bytes.
#[derive(Clone, Debug)]
pub(super) struct Flipped {
    /// The byte that is shown.
    pub(super) at: usize,
    /// What the verifier said to it.
    pub(super) answer: String,
    /// Of all bytes, each flipped alone, how many were accepted.
    pub(super) accepted: usize,
}

impl Checks {
    pub(super) fn add(&mut self, name: &str, holds: bool) {
        self.0.push((name.to_owned(), holds));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, bool)> {
        self.0.iter()
    }

    /// The names of those that do not hold.
    pub(super) fn failed(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, holds)| !holds).map(|(name, _)| name.as_str()).collect()
    }

    /// Every file has its answer, and every payment its status.
    pub(super) fn intake(&mut self, report: &IntakeReport) {
        let is_done = report.count(Disposition::Left) == 0 && report.left == 0;
        let has_answer = report.files.iter().all(|file| {
            // Two houses that answer each other's unreadable rejections would never end.
            let is_rejection = file.message_type.as_ref().is_some_and(|kind| kind.starts_with("admi."));
            file.answer.is_some()
                == match file.disposition {
                    Disposition::Answered => true,
                    Disposition::Rejected => !is_rejection,
                    Disposition::Noted | Disposition::Left => false,
                }
        });
        let adds_up = report.files.iter().all(|file| {
            file.transactions == file.accepted + file.pending + file.rejected.values().sum::<u64>()
        });
        self.add("every_file_is_worked_on", is_done);
        self.add("every_file_has_its_answer", has_answer);
        self.add("every_payment_has_one_status", adds_up);
    }

    /// Everything in the outbox is valid for our own validating reader.
    pub(super) fn answers(&mut self, work: &WorkDir, limits: Limits) {
        self.add("answers_are_valid", all_valid(&work.outbox(), limits));
    }

    /// The load: counted, of durable entries, and repeatable without effect (I3).
    pub(super) fn load(&mut self, result: &LoadResult, load: &mut Load) -> Result<(), Fault> {
        let counted: u64 = result.outcomes.values().sum();
        self.add("every_transfer_of_the_load_is_answered", counted == result.transfers);
        let cleared = result.outcomes.get(Outcome::Cleared.name()).copied().unwrap_or(0);
        self.add("most_of_the_load_clears", cleared * 10 >= result.transfers * 9);
        let is_repeated = load.repeat()?.is_some_and(|(first, again)| {
            let originals = (first.first_sequence..).zip(&again.rows);
            first.rows.len() == again.rows.len()
                && originals.into_iter().all(|(sequence, row)| row.original() == Some(sequence))
        });
        self.add("a_batch_sent_again_gets_its_first_outcomes", is_repeated);
        Ok(())
    }

    /// Positions sum to zero, and the obligations settle them.
    pub(super) fn settlement(&mut self, report: &SettlementReport, work: &WorkDir) {
        let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
        let mut owed: BTreeMap<(&str, &str), i128> = BTreeMap::new();
        let mut is_read = true;
        let mut minor = |text: &str| {
            // Each currency has its own number of decimals, the same in all of its amounts.
            text.replace('.', "").parse::<i128>().unwrap_or_else(|_| {
                is_read = false;
                0
            })
        };
        for line in &report.positions {
            let net = minor(&line.net);
            *sums.entry(&line.currency).or_default() += net;
            *owed.entry((&line.participant, &line.currency)).or_default() += net;
        }
        for line in &report.obligations {
            let amount = minor(&line.amount);
            *owed.entry((&line.debtor, &line.currency)).or_default() += amount;
            *owed.entry((&line.creditor, &line.currency)).or_default() -= amount;
        }
        self.add("positions_sum_to_zero", is_read && sums.values().all(|sum| *sum == 0));
        self.add("obligations_settle_the_positions", is_read && owed.values().all(|rest| *rest == 0));
        let folder = work.settlement();
        let files = report.obligations.iter().map(|line| &line.file).chain(&report.statements);
        self.add("settlement_files_are_written", files.into_iter().all(|file| folder.join(file).is_file()));
        self.add("settlement_files_are_valid", all_valid(&folder, Limits::default()));
    }

    /// Each byte of a receipt flipped alone: none may be accepted.
    pub(super) fn flips(&mut self, receipt: &[u8], key: &PublicKey) -> Flipped {
        let at = receipt.len() / 2;
        let mut flipped = Flipped { at, answer: "accepted".to_owned(), accepted: 0 };
        let mut bytes = receipt.to_vec();
        for byte in 0..bytes.len() {
            flip(&mut bytes, byte);
            match verify::check(&bytes, key) {
                Ok(_) => flipped.accepted += 1,
                Err(error) if byte == at => flipped.answer = error.to_string(),
                Err(_) => {}
            }
            flip(&mut bytes, byte);
        }
        self.add("a_flipped_byte_is_refused", flipped.accepted == 0);
        flipped
    }

    /// Every stored block is signed and names the one before it; gives their number.
    pub(super) fn blocks(&mut self, session: &Session) -> Result<u64, Fault> {
        let archive = session.engine.archive();
        let last = archive.blocks.last();
        let mut previous = Hash::default();
        let mut is_chain = true;
        for height in 1..=last {
            let Some(block) = archive.block(height)? else { break };
            let hash = block.header.hash();
            is_chain &= block.header.previous == previous
                && verify_header(&session.genesis.operator_key, &hash, &block.signature);
            previous = hash;
        }
        self.add("blocks_are_chained_and_signed", is_chain && last > 0);
        Ok(last)
    }
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
}

/// Whether every file of a folder is read to its end by the validating reader.
fn all_valid(folder: &std::path::Path, limits: Limits) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file());
    paths.all(|path| std::fs::read(path).is_ok_and(|bytes| is_valid(&bytes, &limits)))
}

fn is_valid(bytes: &[u8], limits: &Limits) -> bool {
    let mut events = Events::new(bytes, limits);
    loop {
        match events.next_event() {
            Ok(Event::End) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}
