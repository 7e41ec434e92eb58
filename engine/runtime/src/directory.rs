//! The directory: from the names that messages use (BIC, currency, alias) to handles, concurrently, before
//! the sequencer. Follows the cleared commands; decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use feiqian_core::account::{AccountHandle, AccountKind};
use feiqian_core::authority::AuthorityCommand;
use feiqian_core::bic::Bic;
use feiqian_core::command::{Command, Entry};
use feiqian_core::currency::Currency;
use feiqian_core::fees::chain_of;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::registry::{Effect, Registry};
use feiqian_core::transfer::Record;
use parking_lot::RwLock;

use crate::pipeline::now;

/// Names to handles.
#[derive(Debug, Default)]
pub struct Directory {
    participants: DashMap<Bic, ParticipantHandle>,
    clearing: DashMap<(ParticipantHandle, Currency), AccountHandle>,
    aliases: DashMap<String, AccountHandle>,
    registry: RwLock<Registry>,
    /// Keys of participants that have been replaced since the start.
    key_changes: AtomicU64,
}

impl Directory {
    /// The directory as a registry has it.
    pub(crate) fn reset(&self, registry: &Registry) {
        for (participant, handle) in registry.participants().iter().zip(0..) {
            self.participants.insert(participant.bic, handle);
        }
        for slot in registry.slots() {
            self.clearing.insert((slot.participant, slot.currency), slot.clearing_account);
        }
        for (alias, account) in registry.aliases() {
            self.aliases.insert(alias.clone(), *account);
        }
        *self.registry.write() = registry.clone();
    }

    /// Follows a command that has cleared; gives the first account that it opened.
    pub(crate) fn follow(&self, entry: &Entry, timestamp: u64, sequence: u64) -> Option<AccountHandle> {
        let (command, effect) = {
            let mut registry = self.registry.write();
            let command = registry.puts_in_force(&entry.command).cloned();
            (command, registry.commit(entry, timestamp, sequence))
        };
        match command {
            Some(Command::RegisterParticipant { bic, .. }) => {
                let handle = self.registry.read().participant_of(bic)?;
                self.participants.insert(bic, handle);
            }
            Some(Command::RegisterAlias { alias, account }) => {
                self.aliases.insert(alias, account);
            }
            Some(Command::Authority(AuthorityCommand::SetParticipantKey { .. })) => {
                self.key_changes.fetch_add(1, Ordering::Release);
            }
            _ => {}
        }
        let Effect::AccountsOpened { first, slot } = effect else { return None };
        if let Some(slot) = slot.and_then(|slot| self.registry.read().slots().get(slot as usize).copied()) {
            self.clearing.insert((slot.participant, slot.currency), slot.clearing_account);
        }
        Some(first)
    }

    /// A participant by its BIC.
    #[must_use]
    pub fn participant(&self, bic: Bic) -> Option<ParticipantHandle> {
        self.participants.get(&bic).map(|entry| *entry)
    }

    /// A participant's clearing account in a currency.
    #[must_use]
    pub fn clearing_account(
        &self,
        participant: ParticipantHandle,
        currency: Currency,
    ) -> Option<AccountHandle> {
        self.clearing.get(&(participant, currency)).map(|entry| *entry)
    }

    /// The account that an alias (`IBAN:…`, `OTHR:…`) stands for.
    #[must_use]
    pub fn alias(&self, alias: &str) -> Option<AccountHandle> {
        self.aliases.get(alias).map(|entry| *entry)
    }

    /// Whose an account is, in which currency, and of which kind.
    #[must_use]
    pub fn account(&self, handle: AccountHandle) -> Option<(ParticipantHandle, Currency, AccountKind)> {
        let registry = self.registry.read();
        let terms = registry.account(handle)?;
        let slot = registry.slots().get(terms.slot as usize)?;
        Some((slot.participant, slot.currency, terms.kind))
    }

    /// How many keys of participants have been replaced since the start: where it has not changed, none has.
    #[must_use]
    pub fn key_changes(&self) -> u64 {
        self.key_changes.load(Ordering::Acquire)
    }

    /// A payment as it is submitted now: with the legs of the fee behind it that it owes.
    #[must_use]
    pub fn charged(&self, payment: &Record) -> Vec<Record> {
        chain_of(&self.registry.read(), payment, now())
    }

    /// Reads all terms. The registry is locked meanwhile: commands wait, transfers do not.
    pub fn registry<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.registry.read())
    }
}
