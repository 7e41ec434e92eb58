//! How the registry decides commands of foreign exchange: who signed, what exists, what a quote may lock; and which
//! records are a quote's legs.

use feiqian_proof::signature::verify_message;

use crate::account::AccountTerms;
use crate::command::{APPROVAL_CONTEXT, Entry};
use crate::currency::Currency;
use crate::exchange::book::{Lock, Quote};
use crate::exchange::command::ExchangeCommand;
use crate::limits::RATES_MAX;
use crate::money::AMOUNT_MAX;
use crate::number::index;
use crate::outcome::RejectReason;
use crate::participant::{ParticipantHandle, ParticipantState, SlotTerms};
use crate::registry::{Decision, Effect, Registry};
use crate::transfer::Record;

/// Who a participant's own signature under a command says that it is, in the place of an officer's number.
pub const PARTICIPANT_SIGNER: u16 = 0xFFFF;

impl Registry {
    /// Checks a command at the time of its frame; changes nothing. Order is precedence.
    pub(crate) fn check_exchange(
        &self,
        entry: &Entry,
        command: &ExchangeCommand,
        timestamp: u64,
    ) -> Decision<()> {
        let signer = self.participant_of(command.signer()).ok_or(RejectReason::UnknownParticipant)?;
        let is_bad = match command {
            ExchangeCommand::PublishRate { base, quote, bid, ask, size, valid_seconds, .. } => {
                self.position_of(signer, *base)?;
                self.position_of(signer, *quote)?;
                let is_new = !self.exchange.rates().contains_key(&(signer, *base, *quote));
                refuse(is_new && self.exchange.rates().len() >= RATES_MAX, RejectReason::LimitReached)?;
                base == quote || bid > ask || *size == 0 || *size > AMOUNT_MAX || *valid_seconds == 0
            }
            ExchangeCommand::WithdrawRate { base, quote, .. } => {
                let is_there = self.exchange.rates().contains_key(&(signer, *base, *quote));
                refuse(!is_there, RejectReason::UnknownRate)?;
                false
            }
            ExchangeCommand::LockQuote { valid_seconds, .. } => {
                let (_, quote) = self.lock_of(command, signer, timestamp)?;
                quote.provider == signer || *valid_seconds == 0
            }
        };
        self.check_signature(entry, signer)?;
        refuse(is_bad, RejectReason::BadRate)
    }

    /// The participant must be active, and have signed the command.
    fn check_signature(&self, entry: &Entry, signer: ParticipantHandle) -> Decision<()> {
        let participant = self.participants().get(index(signer.into()));
        let key = participant.filter(|at| at.state == ParticipantState::Active).and_then(|at| at.key);
        let (Some(genesis), Some(key), [approval]) = (self.genesis(), key, entry.approvals.as_slice()) else {
            return Err(RejectReason::ParticipantSignature);
        };
        let bytes = entry.signed_bytes(&genesis.chain_id);
        let is_valid = approval.officer == PARTICIPANT_SIGNER
            && verify_message(&key, APPROVAL_CONTEXT, &bytes, &approval.signature);
        refuse(!is_valid, RejectReason::ParticipantSignature)
    }

    fn position_of(&self, participant: ParticipantHandle, currency: Currency) -> Decision<&SlotTerms> {
        let slot = self.by_currency.get(&(participant, currency)).copied();
        let terms = slot.and_then(|slot| self.slots().get(index(slot.into())));
        terms.ok_or(RejectReason::UnknownPosition)
    }

    /// What a command that locks a quote would make.
    fn lock_of(
        &self,
        command: &ExchangeCommand,
        requester: ParticipantHandle,
        timestamp: u64,
    ) -> Decision<(Lock, Quote)> {
        let ExchangeCommand::LockQuote { provider, source, target, fixed, .. } = command else {
            return Err(RejectReason::MalformedCommand);
        };
        let provider = self.participant_of(*provider).ok_or(RejectReason::UnknownParticipant)?;
        self.position_of(requester, *source)?;
        self.position_of(requester, *target)?;
        let source_account = self.position_of(provider, *source)?.clearing_account;
        let target_account = self.position_of(provider, *target)?.clearing_account;
        let lock = self.exchange.lock(provider, (*source, *target), *fixed, timestamp)?;
        let Lock { source_amount, target_amount, .. } = lock;
        let quote = Quote {
            requester,
            provider,
            source: *source,
            source_amount,
            source_account,
            target: *target,
            target_amount,
            target_account,
            expires: 0,
        };
        Ok((lock, quote))
    }

    /// Puts an accepted command in force.
    pub(crate) fn commit_exchange(&mut self, id: u128, command: &ExchangeCommand, timestamp: u64) -> Effect {
        let Some(signer) = self.participant_of(command.signer()) else { return Effect::Registered };
        match command {
            ExchangeCommand::PublishRate { base, quote, bid, ask, size, valid_seconds, .. } => {
                let key = (signer, *base, *quote);
                self.exchange.publish(key, (*bid, *ask), *size, (timestamp, *valid_seconds));
            }
            ExchangeCommand::WithdrawRate { base, quote, .. } => {
                self.exchange.withdraw(&(signer, *base, *quote));
            }
            ExchangeCommand::LockQuote { valid_seconds, .. } => {
                if let Ok((lock, quote)) = self.lock_of(command, signer, timestamp) {
                    self.exchange.take(id, &lock, quote, (timestamp, *valid_seconds));
                }
            }
        }
        Effect::Registered
    }

    /// Whether a record is, to the unit, the leg of a quote that its submitter may trade on.
    pub(crate) fn is_leg(
        &self,
        record: &Record,
        submitter: ParticipantHandle,
        [debtor, creditor]: [&AccountTerms; 2],
    ) -> bool {
        let Some(quote) = self.exchange.quotes().get(&record.related.get()) else { return false };
        let owner =
            |terms: &AccountTerms| self.slots().get(index(terms.slot.into())).map(|slot| slot.participant);
        let currency = record.currency.get();
        let is_source = currency == quote.source.numeric()
            && owner(debtor) == Some(quote.requester)
            && record.creditor.get() == quote.source_account
            && record.amount.get() == quote.source_amount;
        let is_target = currency == quote.target.numeric()
            && record.debtor.get() == quote.target_account
            && owner(creditor) == Some(quote.requester)
            && record.amount.get() == quote.target_amount;
        submitter == quote.requester && (is_source || is_target)
    }
}

fn refuse(condition: bool, reason: RejectReason) -> Decision<()> {
    if condition { Err(reason) } else { Ok(()) }
}
