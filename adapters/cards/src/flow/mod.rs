//! What each message asks of the engine, by its MTI and processing code. A message is begun in the order of its arrival and
//! finished when the engine has decided; in between nothing of it is kept but what its answer repeats (reply.rs) and, as an
//! account and an amount, what it says of its original.

use std::sync::Arc;

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome, OutcomeRow};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_iso8583::spec::Edition;
use feiqian_iso8583::{Class, Function, Message};
use feiqian_runtime::pipeline::Engine;
use metrics::{Counter, counter};
use tokio::sync::Semaphore;

use crate::code::{Code, was_granted};
use crate::gate::Gate;
use crate::link::Link;
use crate::named::Naming;
use crate::reply::Answer;
use crate::security::MacKeys;
use crate::vault::Vault;

mod attempts;
mod business_day;
mod card;
mod cut_over;
mod file_action;
mod network;
mod payment;
mod reconciliation;
mod referring;
mod reversal;
mod told;
mod walk;

pub(crate) use payment::Payment;

/// Walks through an account's postings at once, of all links: threads that read files are left to all else.
const WALKS_MAX: usize = 2;

/// What all sessions ask with.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) vault: Vault,
    pub(crate) gate: Gate,
    /// Seconds that an authorisation holds its amount, by the frame's time.
    pub(crate) hold_timeout_s: u32,
    walks: Arc<Semaphore>,
    cut_overs: Counter,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Desk")
    }
}

/// What a session has become by network management messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) is_signed_on: bool,
    pub(crate) keys: Option<MacKeys>,
}

/// What is owed for a message.
pub(crate) enum Begun {
    /// This, at once.
    Answered(Answer),
    /// What becomes of it.
    Due(Due),
}

/// A request that the engine has, or that is still to be asked about.
pub(crate) enum Due {
    Payment(Payment),
    Referring(referring::Referring),
    CutOver(cut_over::CutOver),
    FileAction(file_action::FileAction),
    Reversal(reversal::Reversal),
    Totals(reconciliation::Question),
}

/// A message as read, on its link, at a time in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) link: &'a Link,
    pub(crate) message: &'a Message<'a>,
    pub(crate) now: u64,
    /// The link's turn to reconcile.
    pub(crate) reconciling: &'a Arc<Semaphore>,
}

/// Who speaks: the institution of the message and the participant that it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker {
    pub(crate) bic: Bic,
    pub(crate) participant: ParticipantHandle,
    pub(crate) naming: Naming,
}

impl Desk {
    pub(crate) fn new(engine: Engine, vault: Vault, gate: Gate, hold_timeout_s: u32) -> Self {
        let walks = Arc::new(Semaphore::new(WALKS_MAX));
        Self {
            engine,
            vault,
            gate,
            hold_timeout_s,
            walks,
            cut_overs: counter!("feiqian_cards_cut_overs_total"),
        }
    }

    /// Takes a request.
    pub(crate) fn begin(&self, heard: Heard<'_>, standing: &mut Standing) -> Begun {
        self.decide(heard, standing).unwrap_or_else(|code| Begun::Answered(code.into()))
    }

    fn decide(&self, heard: Heard<'_>, standing: &mut Standing) -> Result<Begun, Code> {
        let class = heard.message.mti().class();
        if class == Class::NetworkManagement {
            return self.manage(heard, standing);
        }
        if standing.keys.is_some_and(|keys| !keys.holds(heard.message)) {
            return Err(Code::Security);
        }
        if !is_of_edition(heard.message) {
            return Err(Code::NotSupported);
        }
        if heard.link.needs_sign_on && !standing.is_signed_on {
            return Err(Code::Unavailable);
        }
        let speaker = self.speaker(heard)?;
        match class {
            Class::Authorisation | Class::Financial => self.pay(heard, speaker),
            Class::Reversal => self.reverse(heard, speaker),
            Class::Reconciliation => self.total(heard, speaker),
            Class::FileAction => self.act_on_file(heard, speaker),
            _ => Err(Code::NotSupported),
        }
    }

    fn speaker(&self, heard: Heard<'_>) -> Result<Speaker, Code> {
        let acquirer = heard.message.acquirer().map_err(|_| Code::FormatError)?;
        let institution = heard.link.institution(acquirer).ok_or(Code::NoRoute)?;
        let participant =
            self.engine.directory().participant(institution.participant).ok_or(Code::NoRoute)?;
        let naming = Naming {
            is_of_terminals: heard.link.is_of_terminals(),
            now: heard.now,
            acquirer: institution.code,
        };
        Ok(Speaker { bic: institution.participant, participant, naming })
    }

    /// Waits until a request is decided; none where the engine has ended before, and nothing may be said.
    pub(crate) async fn finish(self: Arc<Self>, due: Due) -> Option<Answer> {
        match due {
            Due::Payment(payment) => payment.finish(&self).await,
            Due::Referring(referring) => referring.finish(&self).await,
            Due::CutOver(cut_over) => cut_over.finish(&self).await,
            Due::FileAction(action) => action.finish(&self).await,
            Due::Reversal(reversal) => reversal.finish(&self).await,
            Due::Totals(question) => Some(question.answer(self).await),
        }
    }

    /// The entry that has taken an id, with its row. Reads files.
    pub(crate) async fn found(self: &Arc<Self>, id: u128) -> Result<Option<Found>, Code> {
        let desk = Arc::clone(self);
        let look = move || {
            let Some(sequence) = desk.engine.find(id) else { return Ok(None) };
            desk.entry(sequence).map(Some)
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Code::Malfunction)?
    }

    /// The entry at a sequence with its row. Reads files.
    pub(crate) async fn found_at(self: &Arc<Self>, sequence: u64) -> Result<Found, Code> {
        let desk = Arc::clone(self);
        tokio::task::spawn_blocking(move || desk.entry(sequence)).await.map_err(|_| Code::Malfunction)?
    }

    fn entry(&self, sequence: u64) -> Result<Found, Code> {
        match self.engine.entry(sequence) {
            Ok(Some((entry, row))) => Ok(Found { record: entry.record, row, timestamp: entry.timestamp }),
            _ => Err(Code::Malfunction),
        }
    }
}

/// An entry of the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) row: OutcomeRow,
    /// Frame time, nanoseconds since 1970.
    pub(crate) timestamp: u64,
}

/// What a row is answered as; a duplicate's is its original's.
pub(crate) fn code_of(row: &OutcomeRow, granted: Code) -> Code {
    match (row.outcome(), row.reason()) {
        (Some(Outcome::Cleared | Outcome::Held | Outcome::Voided), _) => granted,
        (Some(Outcome::Rejected), Some(reason)) => Code::of(reason),
        _ => Code::Malfunction,
    }
}

/// Whether the first digit of the MTI is that of the table's edition.
fn is_of_edition(message: &Message<'_>) -> bool {
    message.mti().version() == u16::from(message.spec().edition == Edition::E1993)
}

/// Field 49, or another that holds a currency.
pub(crate) fn currency_of(message: &Message<'_>, field: u8) -> Result<Option<Currency>, Code> {
    let Some(field) = message.field(field) else { return Ok(None) };
    let number = field.number().and_then(|number| u16::try_from(number).ok());
    number.and_then(Currency::from_numeric).map(Some).ok_or(Code::FormatError)
}

/// Whether a message tells of what was declined elsewhere: nothing is to be done about it.
fn tells_of_decline(message: &Message<'_>) -> Result<bool, Code> {
    let said = message.field(39).filter(|_| message.mti().function() == Function::Advice);
    let Some(said) = said else { return Ok(false) };
    was_granted(&said.text(), message.spec().edition).map(|granted| !granted).ok_or(Code::FormatError)
}
