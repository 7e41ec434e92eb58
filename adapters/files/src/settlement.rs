//! What a closed cycle sends: a pacs.009 for each obligation and a camt.053 for each position.
//!
//! Every byte follows from the journal: ids from chain, cycle and place, times from the cycle's close. Written twice,
//! the files are the same, so a crash in between needs no clean-up; a position opened since gets an empty statement.
//! Books nothing; the cycle's commands do.

mod book;
mod statement;
mod account_statement;
mod choice;
mod cycle_report;

use std::collections::BTreeSet;
use std::path::Path;

use feiqian_core::account::SlotHandle;
use feiqian_core::bic::Bic;
use feiqian_core::model::Model;
use feiqian_core::money::{Amount, decimal, signed_decimal};
use feiqian_core::participant::{Cycle, CycleNumber, CycleState, Participant, SlotTerms};
use feiqian_core::registry::Registry;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::write::{self, pacs009};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::settlement::{Obligation, Unbalanced, bilateral_obligations, obligations};
use serde::Serialize;

pub use account_statement::{
    StatementLine, StatementMessage, StatementOf, statement_text, statements, write_statements,
};
pub(crate) use account_statement::{entries_of, reports_of};
pub use book::{CycleBook, Sums};
pub(crate) use choice::{Choice, Entries, Part};
pub use cycle_report::{
    CounterpartyLine, CurrencyTotals, CycleReport, FeeSums, Movements, PositionReport, cycle_report,
};

use crate::error::FilesError;
use crate::layout::WorkDir;
use crate::store;
use crate::timestamp::{date, date_time};

const UETR_CONTEXT: &str = "feiqian 2026 settlement uetr v1";

/// What was written for a cycle.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct SettlementReport {
    /// The cycle.
    pub cycle: CycleNumber,
    /// Net positions that are not zero, by slot; per currency they sum to zero.
    pub positions: Vec<PositionLine>,
    /// Obligations, by currency.
    pub obligations: Vec<ObligationLine>,
    /// Names of the statements in `settlement/`.
    pub statements: Vec<String>,
}

/// A participant's net position in a currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PositionLine {
    /// Whose.
    pub participant: String,
    /// Currency code.
    pub currency: String,
    /// Signed decimal in the currency.
    pub net: String,
}

/// What one participant pays another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ObligationLine {
    /// Who pays.
    pub debtor: String,
    /// Who is paid.
    pub creditor: String,
    /// Currency code.
    pub currency: String,
    /// Decimal in the currency.
    pub amount: String,
    /// Name of its pacs.009 in `settlement/`.
    pub file: String,
}

/// Whose messages these are, and which cycle's.
#[derive(Clone, Debug)]
struct Context {
    participants: Vec<Participant>,
    slots: Vec<SlotTerms>,
    /// By slot: whether the cycle counts the position.
    counted: Vec<bool>,
    operator: Bic,
    chain_id: [u8; 16],
    cycle: Cycle,
    /// When the cycle before it closed, or the journal began; nanoseconds since 1970.
    opened_at: u64,
    /// What of it is told.
    choice: Choice,
}

/// Writes the files of a closed cycle: its obligations' pacs.009 and the camt.053 of every position that it counts.
///
/// Reads the cycle's journal once. Call it from a plain thread.
///
/// # Errors
/// [`FilesError::Unknown`] for a cycle that is open, forgotten, or whose transfers do not add up to its positions;
/// [`FilesError::Journal`] and [`FilesError::Io`] for the disk.
pub fn write_cycle(
    engine: &Engine,
    work: &WorkDir,
    operator: Bic,
    cycle: CycleNumber,
) -> Result<SettlementReport, FilesError> {
    let nets = engine.ask(move |sealer| sealer.mirror().closing(cycle).map(|closing| closing.nets.clone()));
    let nets =
        nets.ok_or_else(|| FilesError::Unknown(format!("cycle {cycle} is not closed; close it first")))?;
    let context = Context::new(engine, operator, cycle)?;
    let book = CycleBook::read(engine, &context.cycle)?;
    check_nets(engine, &book, cycle)?;
    let counted: BTreeSet<SlotHandle> =
        context.counted().filter_map(|slot| SlotHandle::try_from(slot).ok()).collect();
    let all = engine.directory().registry(|registry| {
        let is_bilateral = |slot: SlotHandle| {
            registry.slots().get(slot as usize).is_some_and(|terms| terms.model == Model::Bilateral)
        };
        let others: Vec<_> = nets.iter().filter(|(slot, _)| !is_bilateral(*slot)).copied().collect();
        let mut all = obligations(cycle, &others, registry)?;
        let pairs = book.pairs().filter(|(slot, ..)| is_bilateral(*slot) && counted.contains(slot));
        all.extend(bilateral_obligations(cycle, pairs, registry));
        Ok::<_, Unbalanced>(all)
    });
    let all = all.map_err(|fault| FilesError::Unknown(fault.to_string()))?;
    let folder = work.settlement();
    let mut report = SettlementReport { cycle, ..SettlementReport::default() };
    report.positions = nets.iter().filter_map(|(slot, net)| context.position(*slot, *net)).collect();
    for (obligation, index) in all.iter().zip(1_u64..) {
        report.obligations.push(context.instruct(&folder, obligation, index)?);
    }
    for slot in context.counted() {
        report.statements.push(context.statement(engine, &folder, &book, slot)?);
    }
    Ok(report)
}

/// Holds a book against the positions that the engine has set aside, before recasts, while it has them at hand.
fn check_nets(engine: &Engine, book: &CycleBook, cycle: CycleNumber) -> Result<(), FilesError> {
    let nets = engine.ask(move |sealer| sealer.mirror().nets_at_close(cycle));
    match nets {
        Some(nets) => engine.directory().registry(|registry| book.check(&nets, registry)),
        None => Ok(()),
    }
}

/// When the journal began, nanoseconds since 1970.
pub(crate) fn begun_at(engine: &Engine) -> u64 {
    engine.entry(1).ok().flatten().map_or(0, |(entry, _)| entry.timestamp)
}

/// When a cycle opened: in the instant in which another one, of whatever stream, closed, or when the journal began.
pub(crate) fn opened_at(registry: &Registry, cycle: &Cycle, begun: u64) -> u64 {
    let before = registry.cycles().iter().find(|before| before.end_block == cycle.first_block);
    before.map_or(begun, |before| before.closed_at)
}

impl Context {
    /// The first moment that is told of, and whether the cycle had begun before.
    fn begin(&self) -> (u64, bool) {
        match self.choice.part {
            Some(part) if part.from > self.opened_at => (part.from, true),
            _ => (self.opened_at, false),
        }
    }

    /// The last moment that is told of, and whether the cycle went on behind it.
    fn end(&self) -> (u64, bool) {
        match self.choice.part {
            Some(part) if part.until <= self.cycle.closed_at => (part.until, true),
            // The open cycle is told of up to the last block, behind which its part may begin.
            _ => (self.cycle.closed_at.max(self.begin().0), self.cycle.state == CycleState::Open),
        }
    }

    /// Copies what is small; accounts, which may be millions, are asked of the directory.
    fn new(engine: &Engine, operator: Bic, cycle: CycleNumber) -> Result<Self, FilesError> {
        let unknown = || FilesError::Unknown(format!("cycle {cycle} is not known"));
        let begun = begun_at(engine);
        engine.directory().registry(|registry| {
            let found = *registry.cycle(cycle).ok_or_else(unknown)?;
            let counted = |terms: &SlotTerms| registry.is_counted(cycle, terms.currency);
            Ok(Self {
                participants: registry.participants().to_vec(),
                slots: registry.slots().to_vec(),
                counted: registry.slots().iter().map(counted).collect(),
                operator,
                chain_id: registry.genesis().map_or([0; 16], |genesis| genesis.chain_id),
                cycle: found,
                opened_at: opened_at(registry, &found, begun),
                choice: Choice::default(),
            })
        })
    }

    /// The slots that the cycle counts.
    fn counted(&self) -> impl Iterator<Item = usize> {
        self.counted.iter().enumerate().filter(|(_, is_counted)| **is_counted).map(|(slot, _)| slot)
    }

    fn position(&self, slot: SlotHandle, net: i128) -> Option<PositionLine> {
        let terms = self.slots.get(slot as usize)?;
        Some(PositionLine {
            participant: self.bic(terms.participant).ok()?.as_str().to_owned(),
            currency: terms.currency.code().to_owned(),
            net: signed_decimal(net, terms.currency),
        })
    }

    fn instruct(
        &self,
        folder: &Path,
        obligation: &Obligation,
        index: u64,
    ) -> Result<ObligationLine, FilesError> {
        let (debtor, creditor) = (self.bic(obligation.debtor)?, self.bic(obligation.creditor)?);
        let currency = obligation.currency;
        let text = decimal(obligation.amount, currency);
        let amount = u64::try_from(obligation.amount).ok().and_then(Amount::new).ok_or_else(|| {
            FilesError::Unknown(format!("{text} {currency} has more digits than a pacs.009 holds"))
        })?;
        let file =
            format!("cycle-{}.{index:04}.{debtor}.{creditor}.{currency}.pacs.009.xml", self.cycle.number);
        let instruction = write::Obligation {
            message_id: self.message_id('O', index),
            creation: date_time(self.cycle.closed_at),
            settlement_date: date(self.cycle.closed_at),
            operator: self.operator,
            debtor,
            creditor,
            amount,
            currency,
            reference: format!("CYCLE-{}", self.cycle.number),
            uetr: self.uetr(index),
        };
        store::write_file(&folder.join(&file), |out| {
            let (head, transfer) = instruction.to_message()?;
            pacs009(out, &head, &[transfer])
        })?;
        let [debtor, creditor] = [debtor, creditor].map(|bic| bic.as_str().to_owned());
        Ok(ObligationLine { debtor, creditor, currency: currency.code().to_owned(), amount: text, file })
    }

    fn statement(
        &self,
        engine: &Engine,
        folder: &Path,
        book: &CycleBook,
        slot: usize,
    ) -> Result<String, FilesError> {
        let terms =
            self.slots.get(slot).ok_or_else(|| FilesError::Unknown(format!("slot {slot} is not known")))?;
        let bic = self.bic(terms.participant)?;
        let file = format!("cycle-{}.{bic}.{}.camt.053.xml", self.cycle.number, terms.currency);
        let report = statement::report(self, engine, book, u32::try_from(slot).unwrap_or(u32::MAX))?;
        store::write_file(&folder.join(&file), |out| write::camt053(out, &report))?;
        Ok(file)
    }

    fn bic(&self, participant: u32) -> Result<Bic, FilesError> {
        let found = self.participants.get(participant as usize);
        found
            .map(|found| found.bic)
            .ok_or_else(|| FilesError::Unknown(format!("participant {participant} is not known")))
    }

    /// At most 35 characters for any cycle below 10^15: chain, cycle, kind and place.
    fn message_id(&self, kind: char, index: u64) -> String {
        let chain =
            self.chain_id.iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        format!("FQ{chain}C{}{kind}{index}", self.cycle.number)
    }

    fn uetr(&self, index: u64) -> Uetr {
        let mut hasher = blake3::Hasher::new_derive_key(UETR_CONTEXT);
        hasher.update(&self.chain_id);
        hasher.update(&self.cycle.number.to_le_bytes());
        hasher.update(&index.to_le_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Uetr::from_digest(digest)
    }
}
