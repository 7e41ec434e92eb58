//! Puts a participants file in force: registers what the journal does not have yet, by ordinary commands and
//! funding transfers. Run again after a crash it goes on where it stopped, and funds nobody twice.

use std::collections::BTreeSet;

use feiqian_core::account::{AccountHandle, AccountKind, SlotHandle};
use feiqian_core::batch::Batch;
use feiqian_core::bic::Bic;
use feiqian_core::command::Command;
use feiqian_core::currency::Currency;
use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_core::outcome::Outcome;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_core::uetr::Uetr;
use feiqian_files::agents::AgentToRegister;
use feiqian_proof::hash::{Domain, keyed};
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::admission::Busy;
use serde::Serialize;

use crate::fault::Fault;
use crate::participants::{AccountPlan, House, ParticipantPlan, PositionPlan};
use crate::session::Session;

/// What was put in force; what was there already is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Founded {
    /// Participants registered.
    pub participants: u64,
    /// Positions opened, each with its clearing account.
    pub positions: u64,
    /// Hosted accounts opened.
    pub accounts: u64,
    /// Aliases registered.
    pub aliases: u64,
    /// Accounts funded.
    pub funded: u64,
}

/// Puts a participants file in force.
///
/// # Errors
/// [`Fault::Refused`] for the first command or funding that the engine rejects.
pub fn found(session: &Session, house: &House) -> Result<Founded, Fault> {
    let mut founding = Founding { session, founded: Founded::default() };
    for plan in &house.participants {
        founding.participant(plan)?;
    }
    Ok(founding.founded)
}

/// Registers banks that only an inbox of samples names, with positions without a cap.
///
/// # Errors
/// As [`found`].
pub fn register_agents(session: &Session, agents: &[AgentToRegister]) -> Result<Founded, Fault> {
    let mut founding = Founding { session, founded: Founded::default() };
    for agent in agents {
        founding.register(agent.bic, &agent.name, None)?;
        for currency in &agent.currencies {
            founding.position(agent.bic, *currency, feiqian_core::account::UNLIMITED)?;
        }
        if let Some(first) = agent.currencies.first() {
            let account = founding.clearing_account(agent.bic, *first)?;
            // A number that names a bank here already goes on naming that one.
            let is_free = |alias: &&String| session.engine.directory().alias(alias).is_none();
            for alias in agent.aliases.iter().filter(is_free) {
                founding.alias(alias, account)?;
            }
        }
    }
    Ok(founding.founded)
}

struct Founding<'a> {
    session: &'a Session,
    founded: Founded,
}

impl Founding<'_> {
    fn participant(&mut self, plan: &ParticipantPlan) -> Result<(), Fault> {
        self.register(plan.bic, &plan.name, plan.key)?;
        for position in &plan.positions {
            self.position(plan.bic, position.currency, position.cap)?;
            let account = self.clearing_account(plan.bic, position.currency)?;
            for alias in &position.aliases {
                self.alias(alias, account)?;
            }
        }
        for account in &plan.accounts {
            self.named_account(plan.bic, account)?;
        }
        // Behind the named ones, so that nameless accounts are the load's.
        plan.positions.iter().try_for_each(|position| self.load_accounts(plan.bic, position))
    }

    fn register(&mut self, bic: Bic, name: &str, key: Option<PublicKey>) -> Result<(), Fault> {
        if self.session.engine.directory().participant(bic).is_none() {
            self.session.command(Command::RegisterParticipant { bic, name: name.to_owned(), key })?;
            self.founded.participants += 1;
        }
        Ok(())
    }

    fn position(&mut self, bic: Bic, currency: Currency, cap: u64) -> Result<(), Fault> {
        if self.slot(bic, currency).is_none() {
            self.session.command(Command::OpenPosition { bic, currency, cap })?;
            self.founded.positions += 1;
        }
        Ok(())
    }

    fn slot(&self, bic: Bic, currency: Currency) -> Option<SlotHandle> {
        self.session.engine.directory().registry(|registry| registry.slot_of(bic, currency))
    }

    fn clearing_account(&self, bic: Bic, currency: Currency) -> Result<AccountHandle, Fault> {
        let directory = self.session.engine.directory();
        let participant = directory.participant(bic);
        let account = participant.and_then(|handle| directory.clearing_account(handle, currency));
        account.ok_or_else(|| Fault::Absent(format!("{bic} has no clearing account in {currency}")))
    }

    fn alias(&mut self, alias: &str, account: AccountHandle) -> Result<(), Fault> {
        match self.session.engine.directory().alias(alias) {
            Some(other) if other == account => Ok(()),
            Some(other) => {
                let way = "remove it from the file, or begin another data directory";
                Err(Fault::Refused(format!("alias {alias} stands for account {other} already: {way}")))
            }
            None => {
                self.session.command(Command::RegisterAlias { alias: alias.to_owned(), account })?;
                self.founded.aliases += 1;
                Ok(())
            }
        }
    }

    fn named_account(&mut self, bic: Bic, plan: &AccountPlan) -> Result<(), Fault> {
        let directory = self.session.engine.directory();
        let known = plan.aliases.iter().find_map(|alias| directory.alias(alias));
        let account = match known {
            Some(account) => account,
            None => self.open(bic, plan.currency, 1, plan.credit_line)?,
        };
        for alias in &plan.aliases {
            self.alias(alias, account)?;
        }
        self.fund(bic, plan.currency, &[account], plan.funding)
    }

    fn open(
        &mut self,
        bic: Bic,
        currency: Currency,
        count: u32,
        credit_line: u64,
    ) -> Result<AccountHandle, Fault> {
        let outcome = self.session.command(Command::OpenAccounts { bic, currency, count, credit_line })?;
        self.founded.accounts += u64::from(count);
        outcome.first_account.ok_or_else(|| Fault::Refused("no account was opened".to_owned()))
    }

    fn load_accounts(&mut self, bic: Bic, plan: &PositionPlan) -> Result<(), Fault> {
        let Some(slot) = self.slot(bic, plan.currency) else { return Ok(()) };
        let there = nameless_accounts(self.session, slot).len();
        let missing = plan.hosted_accounts.saturating_sub(u32::try_from(there).unwrap_or(u32::MAX));
        if missing > 0 {
            self.open(bic, plan.currency, missing, 0)?;
        }
        let accounts = nameless_accounts(self.session, slot);
        self.fund(bic, plan.currency, &accounts, plan.hosted_funding)
    }

    /// Funding ids follow from the chain and the account, so a repetition is a duplicate and moves nothing.
    fn fund(
        &mut self,
        bic: Bic,
        currency: Currency,
        accounts: &[AccountHandle],
        amount: u64,
    ) -> Result<(), Fault> {
        let owner = self.session.engine.directory().participant(bic);
        let Some(owner) = owner.filter(|_| amount > 0) else { return Ok(()) };
        let from = self.clearing_account(bic, currency)?;
        for accounts in accounts.chunks(BATCH_TRANSFERS_MAX) {
            let records = accounts.iter().map(|account| {
                let id = funding_id(&self.session.genesis.chain_id, *account);
                Record::new(id, from, *account, amount, currency.numeric())
            });
            self.submit(owner, records.collect())?;
        }
        Ok(())
    }

    fn submit(&mut self, owner: ParticipantHandle, records: Vec<Record>) -> Result<(), Fault> {
        let ticket = self.session.engine.submit(Batch::new(owner, records))?;
        let outcome = ticket.wait().ok_or(Busy::Closing)?;
        for row in &outcome.rows {
            match (row.outcome(), row.reason()) {
                (Some(Outcome::Cleared), _) => self.founded.funded += 1,
                (Some(Outcome::Duplicate), _) => {}
                (_, reason) => {
                    let reason = reason.map_or("no reason", |reason| reason.name());
                    return Err(Fault::Refused(format!("the engine refused a funding: {reason}")));
                }
            }
        }
        Ok(())
    }
}

fn funding_id(chain_id: &[u8; 16], account: AccountHandle) -> u128 {
    let input = [b"feiqian funding\n", chain_id.as_slice(), &account.to_le_bytes()].concat();
    let digest = keyed(Domain::Command, &input);
    Uetr::from_digest(*digest.0.first_chunk().expect("a digest has 32 bytes")).bits()
}

/// The hosted accounts of a slot that no alias names: those of the generated load.
#[must_use]
pub fn nameless_accounts(session: &Session, slot: SlotHandle) -> Vec<AccountHandle> {
    session.engine.directory().registry(|registry| {
        let named: BTreeSet<_> = registry.aliases().values().copied().collect();
        let accounts = (0..).zip(registry.accounts());
        let own = accounts.filter(|(_, terms)| terms.slot == slot && terms.kind == AccountKind::Hosted);
        own.map(|(handle, _)| handle).filter(|handle| !named.contains(handle)).collect()
    })
}
