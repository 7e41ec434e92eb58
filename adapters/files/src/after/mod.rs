//! What comes after a payment: confirmations, returns and status requests of banks, held to what the journal says of the
//! original; and what comes before one, a request to pay.
//!
//! Reading order: [`original`] (finding a payment and what became of it), [`messages`] (finding a whole message), [`waiting`] (payments that are answered later),
//! [`confirmations`] (pacs.002 of the bank that is to be paid), [`returns`] (pacs.004), [`requests`] (pacs.028),
//! [`recalls`] (camt.056; camt.055 with [`customers`]) with their [`cases`] and [`time_limits`], [`answers`] (camt.029), [`investigations`] (camt.026, camt.028), [`direct_debits`] (pacs.010, refused),
//! [`payment_requests`] (pain.013) with their [`request_cases`] and [`request_answers`] (pain.014), [`forward`] (what is passed on to other banks), [`covers`] (pacs.009 COV, passed on when it is paid). Whether money may go back is the engine's to decide; here is only told
//! which entry is meant, and refused what names none of the sender's.

pub(crate) mod answers;
pub mod cases;
pub(crate) mod confirmations;
pub(crate) mod covers;
pub(crate) mod customers;
pub(crate) mod direct_debits;
pub(crate) mod forward;
pub(crate) mod investigations;
pub(crate) mod messages;
pub(crate) mod original;
pub(crate) mod payment_requests;
pub(crate) mod recalls;
pub(crate) mod request_answers;
pub mod request_cases;
pub(crate) mod requests;
pub(crate) mod returns;
pub mod time_limits;
pub(crate) mod waiting;

use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::ReadError;
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::{Agent, BusinessHead, Refusal};
use feiqian_runtime::query::QueryFault;

use crate::error::FilesError;
use crate::intake::Intake;
use crate::resolve::{check_header, find_or_refuse, refuse};

/// Why a message was not worked on to its end.
#[derive(Debug)]
pub(crate) enum AfterFault {
    /// It can't be read, which is answered.
    Unreadable(ReadError),
    /// Disk or engine.
    Files(FilesError),
}

impl From<FilesError> for AfterFault {
    fn from(fault: FilesError) -> Self {
        Self::Files(fault)
    }
}

impl From<ReadError> for AfterFault {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}

pub(crate) fn journal_fault(sequence: u64) -> impl FnOnce(QueryFault) -> FilesError {
    move |fault| FilesError::Journal { sequence, reason: fault.to_string() }
}

impl Intake<'_> {
    /// Who sends: the instructing agent where one is given, else the header's sender. The two must agree, and be who has
    /// handed the message in where that is known (I7); who is known need not be named.
    pub(crate) fn sender(
        &self,
        instructing: Option<&Agent>,
        business: Option<&BusinessHead>,
    ) -> Result<ParticipantHandle, Refusal> {
        let names = self.engine.directory();
        match (instructing.or(business.map(|business| &business.from)), self.caller()) {
            (Some(agent), _) => {
                let bank = find_or_refuse("instructing agent", agent, (codes::AGNT, codes::AGNT), names)?;
                check_header(business, bank, names)?;
                self.check_caller(bank.handle)
            }
            (None, Some(caller)) => Ok(caller),
            (None, None) => {
                refuse(codes::AGNT, "nobody is named as sender; give InstgAgt or a header".to_owned())
            }
        }
    }

    /// I7: whoever hands a message in may send for itself alone, whatever the message says.
    pub(crate) fn check_caller(&self, sender: ParticipantHandle) -> Result<ParticipantHandle, Refusal> {
        if self.caller().is_none_or(|caller| caller == sender) {
            return Ok(sender);
        }
        let text = "the message's sender is not who has handed it in; hand it in as its sender";
        refuse(codes::AGNT, text.to_owned())
    }
}
