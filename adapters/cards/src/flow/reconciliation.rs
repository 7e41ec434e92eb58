//! Reconciliation: the acquirer's totals of a business day against those of the journal, of its clearing account's card payments.
//! Nothing is counted on the way: the account's postings are walked back to the day's beginning when they are asked about.
//! That costs, so a link asks one question at a time.

use std::sync::Arc;

use feiqian_core::account::AccountHandle;
use feiqian_core::bic::Bic;
use feiqian_iso8583::spec::Edition;
use feiqian_runtime::query::Posting;
use tokio::sync::OwnedSemaphorePermit;

use super::business_day::{Day, told};
use super::payment::is_credit;
use super::walk::walk;
use super::{Begun, Desk, Due, Heard, Speaker, currency_of};
use crate::code::Code;
use crate::reply::Answer;

/// Field 66, settlement code.
const IN_BALANCE: u64 = 1;
const OUT_OF_BALANCE: u64 = 2;

/// Which account, which day, and what the acquirer says.
#[derive(Debug)]
pub(crate) struct Question {
    account: AccountHandle,
    /// Whose business day.
    bic: Bic,
    /// Which, if it is told.
    day: Option<Day>,
    /// Seconds since 1970.
    now: u64,
    edition: Edition,
    /// Those of fields 74 to 89 that are there.
    said: Vec<(u8, u64)>,
    /// Field 97.
    said_net: Option<String>,
    _turn: OwnedSemaphorePermit,
}

/// Numbers and amounts of a day, as the card networks count: a debit is money from a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    credits: (u64, u64),
    credit_reversals: (u64, u64),
    debits: (u64, u64),
    debit_reversals: (u64, u64),
}

impl Desk {
    /// Begins a reconciliation.
    pub(super) fn total(&self, heard: Heard<'_>, speaker: Speaker) -> Result<Begun, Code> {
        let message = heard.message;
        let currency = match currency_of(message, 50)? {
            Some(settlement) => settlement,
            None => currency_of(message, 49)?.ok_or(Code::FormatError)?,
        };
        let account = self.engine.directory().clearing_account(speaker.participant, currency);
        let turn = Arc::clone(heard.reconciling).try_acquire_owned();
        let said = [74, 75, 76, 77, 86, 87, 88, 89];
        let said = said.iter().filter_map(|field| Some((*field, message.field(*field)?.number()?))).collect();
        Ok(Begun::Due(Due::Totals(Question {
            account: account.ok_or(Code::NoRoute)?,
            bic: speaker.bic,
            day: told(message, heard.now)?,
            now: heard.now,
            edition: message.spec().edition,
            said,
            said_net: message.field(97).map(|field| field.text()),
            _turn: turn.map_err(|_| Code::Unavailable)?,
        })))
    }
}

impl Totals {
    fn add(&mut self, posting: &Posting) {
        let Some(is_credit) = is_credit(posting.purpose) else { return };
        let total = match (is_credit, posting.is_debit) {
            (true, true) => &mut self.credits,
            (true, false) => &mut self.credit_reversals,
            (false, false) => &mut self.debits,
            (false, true) => &mut self.debit_reversals,
        };
        total.0 += 1;
        total.1 = total.1.saturating_add(u64::try_from(posting.amount).unwrap_or(u64::MAX));
    }

    /// By field number: 74 to 77 numbers, 86 to 89 amounts.
    fn fields(&self) -> Vec<(u8, u64)> {
        let four = [self.credits, self.credit_reversals, self.debits, self.debit_reversals];
        let numbers = (74..).zip(four.map(|total| total.0));
        numbers.chain((86..).zip(four.map(|total| total.1))).collect()
    }

    /// Field 97: what the acquirer gets (C) or owes (D).
    fn net(&self) -> String {
        let gets = i128::from(self.debits.1) + i128::from(self.credit_reversals.1);
        let owes = i128::from(self.credits.1) + i128::from(self.debit_reversals.1);
        let sign = if gets >= owes { 'C' } else { 'D' };
        format!("{sign}{:016}", (gets - owes).unsigned_abs())
    }
}

impl Question {
    /// Seals what is open, reads the day's postings, and compares.
    pub(super) async fn answer(self, desk: Arc<Desk>) -> Answer {
        let Ok(_walk) = Arc::clone(&desk.walks).acquire_owned().await else {
            return Code::Malfunction.into();
        };
        let read = tokio::task::spawn_blocking(move || {
            let totals = self.totals(&desk);
            totals.map_or_else(Answer::from, |totals| self.compared(&totals))
        });
        read.await.unwrap_or_else(|_| Code::Malfunction.into())
    }

    fn totals(&self, desk: &Desk) -> Result<Totals, Code> {
        let mut totals = Totals::default();
        let day = desk.business_day(self.bic, self.day, self.now)?;
        let is_whole = walk(&desk.engine, (self.account, day.since()), |posting| {
            if day.has(posting) {
                totals.add(posting);
            }
        })?;
        if is_whole { Ok(totals) } else { Err(Code::NoTotals) }
    }

    fn compared(&self, totals: &Totals) -> Answer {
        let (ours, net) = (totals.fields(), totals.net());
        let is_said = !self.said.is_empty() || self.said_net.is_some();
        let is_equal = self.said.iter().all(|said| ours.contains(said))
            && self.said_net.as_ref().is_none_or(|said| *said == net || is_zero(said) && is_zero(&net));
        let is_in_balance = is_said && is_equal;
        let mut numbers = ours;
        // Of 1993 the action code says it, and field 66 is another.
        if self.edition == Edition::E1987 {
            numbers.push((66, if is_in_balance { IN_BALANCE } else { OUT_OF_BALANCE }));
        }
        let code = if is_in_balance { Code::InBalance } else { Code::OutOfBalance };
        Answer { code, approval: None, numbers, net: Some(net) }
    }
}

/// Whether a net is zero, whatever its sign.
fn is_zero(net: &str) -> bool {
    net.bytes().skip(1).all(|digit| digit == b'0')
}
