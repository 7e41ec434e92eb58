//! Commands: the administrative entries of the journal, their versioned byte form, and who must approve them.
//!
//! An entry is `version u8 | id u128 | kind u8 | body | count u8 | approvals (officer u16 | signature 64)`.
//! Officers sign chain id, id, kind and body; nothing else about an entry can decide anything.

use alloc::string::String;
use alloc::vec::Vec;

use feiqian_proof::hash::{Domain, Hash, keyed};
use feiqian_proof::signature::{PublicKey, Signature};

use crate::account::{AccountHandle, AccountState};
use crate::authority::{AuthorityCommand, ProposalCommand};
use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::controls::LimitCommand;
use crate::currency::Currency;
use crate::default::command::DefaultCommand;
use crate::exchange::command::ExchangeCommand;
use crate::fees::FeeCommand;
use crate::fraud::FraudCommand;
use crate::limits::{ALIAS_BYTES_MAX, NAME_BYTES_MAX};
use crate::model::Model;
use crate::paid::PaidCommand;
use crate::participant::{CycleNumber, ParticipantState};
use crate::postings::PostingCommand;
use crate::schedule::ScheduleCommand;
use crate::secrets::SaltSecret;
use crate::transfer::{Record, flags};

/// Version of the byte form.
const VERSION: u8 = 1;
/// Approvals that an entry carries at the most.
const APPROVALS_MAX: usize = 2;
/// Officers at the most.
pub(crate) const OFFICERS_MAX: usize = 64;
/// What officers sign is bound to this purpose.
pub const APPROVAL_CONTEXT: &str = "feiqian command approval v1";

/// Number of an officer of the operator: one of the two pairs of eyes.
pub type OfficerNumber = u16;

/// The first entry of every journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Genesis {
    /// Names the journal: no frame or proof of another one is accepted.
    pub chain_id: [u8; 16],
    /// Keys the id index against chosen ids; its order decides nothing.
    pub id_key: u128,
    /// Salts of leaves derive from it: of transfers and positions per block, until another takes its place.
    pub salt_secret: [u8; 32],
    /// Signs block headers.
    pub operator_key: PublicKey,
    /// Approve risky commands, until others take their places.
    pub officers: Vec<(OfficerNumber, PublicKey)>,
}

/// What a command asks for. Numbers of the byte form are for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// 1: begins the journal.
    Genesis(Genesis),
    /// 2: admits a participant.
    RegisterParticipant {
        /// Its code.
        bic: Bic,
        /// Its name, at most 140 bytes.
        name: String,
        /// Its signing key, if it has one.
        key: Option<PublicKey>,
    },
    /// 3: suspends or readmits a participant.
    SetParticipantState {
        /// Which one.
        bic: Bic,
        /// Its new state.
        state: ParticipantState,
    },
    /// 4: opens a position in a currency, with its clearing account.
    OpenPosition {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Net debit cap, minor units.
        cap: u64,
    },
    /// 5: changes a net debit cap.
    SetNetDebitCap {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// Net debit cap, minor units.
        cap: u64,
    },
    /// 6: opens hosted accounts with consecutive handles.
    OpenAccounts {
        /// Whose.
        bic: Bic,
        /// In which currency.
        currency: Currency,
        /// How many.
        count: u32,
        /// Credit line of each, minor units.
        credit_line: u64,
    },
    /// 7: changes what an account may do.
    SetAccountState {
        /// Which one.
        account: AccountHandle,
        /// Its new state.
        state: AccountState,
    },
    /// 8: changes a credit line.
    SetCreditLine {
        /// Which one.
        account: AccountHandle,
        /// Minor units.
        credit_line: u64,
    },
    /// 9: gives an account a name in the directory.
    RegisterAlias {
        /// `IBAN:…`, `PAN:…`, `OTHR:…`, at most 64 bytes.
        alias: String,
        /// What it stands for.
        account: AccountHandle,
    },
    /// 10: seals the open block; the engine's own.
    Seal {
        /// Height of the block that is open.
        height: u64,
    },
    /// 11: closes an open cycle and with it the open block; the next of both open in the same instant.
    CloseCycle {
        /// An open cycle.
        cycle: CycleNumber,
    },
    /// 12: a closed cycle's obligations have been sent.
    InstructCycle {
        /// A closed or failed cycle.
        cycle: CycleNumber,
    },
    /// 13: an instructed cycle's obligations have been paid.
    SettleCycle {
        /// An instructed cycle.
        cycle: CycleNumber,
    },
    /// 14: an instructed cycle's obligations have not all been paid.
    FailCycle {
        /// An instructed cycle.
        cycle: CycleNumber,
    },
    /// 15: the salts of transfers and positions derive from another secret, from the next cycle on.
    RotateSalts {
        /// Drawn anew; none that this chain has had.
        secret: SaltSecret,
    },
    /// 20: fixes how a currency settles, before it has a position.
    SetModel {
        /// The currency.
        currency: Currency,
        /// Its model.
        model: Model,
    },
    /// 21: gives a currency cycles of its own, from the next closing of the general cycle on.
    SplitStream {
        /// The currency.
        currency: Currency,
    },
    /// 30 to 36: limits beyond cap and credit line.
    Limit(LimitCommand),
    /// 22 and 23: who has paid for an instructed cycle.
    Paid(PaidCommand),
    /// 27 and 28: the calendar, and closes by it.
    Schedule(ScheduleCommand),
    /// 60: a transfer that officers order.
    Posting(PostingCommand),
    /// 61 to 64: fraud cases.
    Fraud(FraudCommand),
    /// 40 to 42: rates and quotes, each under the key of the participant whose word it is.
    Exchange(ExchangeCommand),
    /// 70 to 73: steps of a participant's default.
    Default(DefaultCommand),
    /// 80 to 83: a step of a proposal.
    Proposal(ProposalCommand),
    /// 84 to 87: officers, the delay of loosenings, keys.
    Authority(AuthorityCommand),
    /// 90 and 91: tariffs.
    Fee(FeeCommand),
}

impl Command {
    /// Kind and body: what a proposal carries.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        self.encode(&mut to);
        to.0
    }

    /// Reads kind and body.
    ///
    /// # Errors
    /// [`Malformed`] for an unknown kind, or anything left over.
    pub fn of_body(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let command = Self::decode(&mut from)?;
        from.finish()?;
        Ok(command)
    }

    /// The digest of kind and body: what an officer approves of a proposal.
    #[must_use]
    pub fn content(&self) -> Hash {
        keyed(Domain::Command, &[b"proposed".as_slice(), &self.body()].concat())
    }

    fn encode(&self, to: &mut Encoder) {
        match self {
            Self::Genesis(genesis) => encode_genesis(genesis, to),
            Self::RegisterParticipant { bic, name, key } => {
                to.u8(2);
                to.raw(bic.as_bytes());
                to.bytes(name.as_bytes());
                to.u8(u8::from(key.is_some()));
                if let Some(key) = key {
                    to.raw(key.as_bytes());
                }
            }
            Self::SetParticipantState { bic, state } => {
                to.u8(3);
                to.raw(bic.as_bytes());
                to.u8(state.number());
            }
            Self::OpenPosition { bic, currency, cap } => encode_cap(4, (*bic, *currency), *cap, to),
            Self::SetNetDebitCap { bic, currency, cap } => encode_cap(5, (*bic, *currency), *cap, to),
            Self::OpenAccounts { bic, currency, count, credit_line } => {
                encode_cap(6, (*bic, *currency), *credit_line, to);
                to.u32(*count);
            }
            Self::SetAccountState { account, state } => {
                to.u8(7);
                to.u64(*account);
                to.u8(state.number());
            }
            Self::SetCreditLine { account, credit_line } => {
                to.u8(8);
                to.u64(*account);
                to.u64(*credit_line);
            }
            Self::RegisterAlias { alias, account } => {
                to.u8(9);
                to.bytes(alias.as_bytes());
                to.u64(*account);
            }
            Self::Seal { height } => encode_number(10, *height, to),
            Self::CloseCycle { cycle } => encode_number(11, *cycle, to),
            Self::InstructCycle { cycle } => encode_number(12, *cycle, to),
            Self::SettleCycle { cycle } => encode_number(13, *cycle, to),
            Self::FailCycle { cycle } => encode_number(14, *cycle, to),
            Self::RotateSalts { secret } => {
                to.u8(15);
                to.raw(&secret.0);
            }
            Self::SetModel { currency, model } => {
                to.u8(20);
                to.u16(currency.numeric());
                to.u8(model.number());
            }
            Self::SplitStream { currency } => {
                to.u8(21);
                to.u16(currency.numeric());
            }
            Self::Paid(command) => command.encode(to),
            Self::Schedule(command) => command.encode(to),
            Self::Posting(command) => command.encode(to),
            Self::Fraud(command) => command.encode(to),
            Self::Exchange(command) => command.encode(to),
            Self::Default(command) => command.encode(to),
            Self::Proposal(step) => step.encode(to),
            Self::Authority(command) => command.encode(to),
            Self::Limit(limit) => limit.encode(to),
            Self::Fee(command) => command.encode(to),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(match from.u8()? {
            1 => Self::Genesis(decode_genesis(from)?),
            2 => Self::RegisterParticipant {
                bic: decode_bic(from)?,
                name: from.text(NAME_BYTES_MAX)?,
                key: if from.flag()? { Some(decode_key(from)?) } else { None },
            },
            3 => Self::SetParticipantState {
                bic: decode_bic(from)?,
                state: ParticipantState::from_number(from.u8()?)?,
            },
            4 => {
                let (bic, currency, cap) = decode_cap(from)?;
                Self::OpenPosition { bic, currency, cap }
            }
            5 => {
                let (bic, currency, cap) = decode_cap(from)?;
                Self::SetNetDebitCap { bic, currency, cap }
            }
            6 => {
                let (bic, currency, credit_line) = decode_cap(from)?;
                Self::OpenAccounts { bic, currency, credit_line, count: from.u32()? }
            }
            7 => {
                Self::SetAccountState { account: from.u64()?, state: AccountState::from_number(from.u8()?)? }
            }
            8 => Self::SetCreditLine { account: from.u64()?, credit_line: from.u64()? },
            9 => Self::RegisterAlias { alias: from.text(ALIAS_BYTES_MAX)?, account: from.u64()? },
            10 => Self::Seal { height: from.u64()? },
            11 => Self::CloseCycle { cycle: from.u64()? },
            12 => Self::InstructCycle { cycle: from.u64()? },
            13 => Self::SettleCycle { cycle: from.u64()? },
            14 => Self::FailCycle { cycle: from.u64()? },
            15 => Self::RotateSalts { secret: SaltSecret(from.array()?) },
            20 => Self::SetModel { currency: decode_currency(from)?, model: Model::from_number(from.u8()?)? },
            21 => Self::SplitStream { currency: decode_currency(from)? },
            kind @ 22..=23 => Self::Paid(PaidCommand::decode(kind, from)?),
            kind @ 27..=28 => Self::Schedule(ScheduleCommand::decode(kind, from)?),
            kind @ 40..=42 => Self::Exchange(ExchangeCommand::decode(kind, from)?),
            60 => Self::Posting(PostingCommand::decode(from)?),
            kind @ 61..=64 => Self::Fraud(FraudCommand::decode(kind, from)?),
            kind @ 70..=73 => Self::Default(DefaultCommand::decode(kind, from)?),
            kind @ 80..=83 => Self::Proposal(ProposalCommand::decode(kind, from)?),
            kind @ 84..=87 => Self::Authority(AuthorityCommand::decode(kind, from)?),
            kind @ 90..=92 => Self::Fee(FeeCommand::decode(kind, from)?),
            kind @ 30..=39 => Self::Limit(LimitCommand::decode(kind, from)?),
            _ => return Err(Malformed),
        })
    }
}

fn encode_number(kind: u8, number: u64, to: &mut Encoder) {
    to.u8(kind);
    to.u64(number);
}

fn encode_cap(kind: u8, (bic, currency): (Bic, Currency), limit: u64, to: &mut Encoder) {
    to.u8(kind);
    to.raw(bic.as_bytes());
    to.u16(currency.numeric());
    to.u64(limit);
}

fn decode_cap(from: &mut Decoder<'_>) -> Result<(Bic, Currency, u64), Malformed> {
    Ok((decode_bic(from)?, decode_currency(from)?, from.u64()?))
}

pub(crate) fn encode_genesis(genesis: &Genesis, to: &mut Encoder) {
    to.u8(1);
    to.raw(&genesis.chain_id);
    to.u128(genesis.id_key);
    to.raw(&genesis.salt_secret);
    to.raw(genesis.operator_key.as_bytes());
    to.count(genesis.officers.len());
    for (number, key) in &genesis.officers {
        to.u16(*number);
        to.raw(key.as_bytes());
    }
}

pub(crate) fn decode_genesis(from: &mut Decoder<'_>) -> Result<Genesis, Malformed> {
    let (chain_id, id_key, salt_secret) = (from.array()?, from.u128()?, from.array()?);
    let operator_key = decode_key(from)?;
    let count = from.count(OFFICERS_MAX)?;
    let officers =
        (0..count).map(|_| Ok((from.u16()?, decode_key(from)?))).collect::<Result<Vec<_>, Malformed>>()?;
    Ok(Genesis { chain_id, id_key, salt_secret, operator_key, officers })
}

pub(crate) fn decode_bic(from: &mut Decoder<'_>) -> Result<Bic, Malformed> {
    Bic::from_bytes(from.array()?).map_err(|_| Malformed)
}

pub(crate) fn decode_currency(from: &mut Decoder<'_>) -> Result<Currency, Malformed> {
    Currency::from_numeric(from.u16()?).ok_or(Malformed)
}

pub(crate) fn decode_key(from: &mut Decoder<'_>) -> Result<PublicKey, Malformed> {
    PublicKey::from_bytes(&from.array()?).map_err(|_| Malformed)
}

/// One officer's signature under a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// Who.
    pub officer: OfficerNumber,
    /// Over [`Entry::signed_bytes`].
    pub signature: Signature,
}

/// A command as journaled: with its id, which is taken once like a transfer's, and its approvals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// 128 bits, in one space with the transfers' ids.
    pub id: u128,
    /// What is asked for.
    pub command: Command,
    /// At most two.
    pub approvals: Vec<Approval>,
}

impl Entry {
    /// An entry without approvals.
    #[must_use]
    pub fn new(id: u128, command: Command) -> Self {
        Self { id, command, approvals: Vec::new() }
    }

    /// The byte form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.u8(VERSION);
        to.u128(self.id);
        self.command.encode(&mut to);
        to.u8(u8::try_from(self.approvals.len()).unwrap_or(u8::MAX));
        for approval in &self.approvals {
            to.u16(approval.officer);
            to.raw(&approval.signature.0);
        }
        to.0
    }

    /// Reads the byte form.
    ///
    /// # Errors
    /// [`Malformed`] for another version, an unknown kind, or anything left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        if from.u8()? != VERSION {
            return Err(Malformed);
        }
        let id = from.u128()?;
        let command = Command::decode(&mut from)?;
        let count = usize::from(from.u8()?);
        if count > APPROVALS_MAX {
            return Err(Malformed);
        }
        let approvals = (0..count)
            .map(|_| Ok(Approval { officer: from.u16()?, signature: Signature(from.array()?) }))
            .collect::<Result<Vec<_>, Malformed>>()?;
        from.finish()?;
        Ok(Self { id, command, approvals })
    }

    /// What officers sign: this chain, this id, this command.
    #[must_use]
    pub fn signed_bytes(&self, chain_id: &[u8; 16]) -> Vec<u8> {
        let mut to = Encoder::default();
        to.raw(chain_id);
        to.u128(self.id);
        self.command.encode(&mut to);
        to.0
    }

    /// The record that stands for an encoded entry in a block: its id and the digest of all its bytes.
    #[must_use]
    pub fn record(id: u128, encoded: &[u8]) -> Record {
        let Hash(reference) = keyed(Domain::Command, encoded);
        Record { uetr: id.into(), flags: flags::COMMAND.into(), reference, ..Record::new_zeroed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Calendar, Date};
    use crate::controls::Payer;
    use crate::exchange::command::Fixed;
    use crate::exchange::price::Price;
    use crate::fees::{Bearer, Beneficiary, Change, Scope, Tariff, Tier};
    use crate::fraud::Traced;
    use crate::liquidity::resolve::Priority;
    use std::boxed::Box;
    use std::vec;

    fn test_key(seed: u8) -> PublicKey {
        PublicKey::of(&feiqian_proof::signature::SigningKey::from_bytes(&[seed; 32]))
    }

    fn price(scaled: u64) -> Price {
        Price::new(scaled).expect("in bounds")
    }

    fn velocity(payer: Payer) -> Command {
        let (amount, count, period_seconds) = (1, 2, 3);
        Command::Limit(LimitCommand::SetVelocityLimit { payer, amount, count, period_seconds })
    }

    fn valuation(price: Option<Price>) -> Command {
        let [currency, base] = ["USD", "EUR"].map(|code| Currency::from_code(code).expect("a currency"));
        Command::Limit(LimitCommand::SetValuation { currency, base, price })
    }

    fn tariff(bic: Bic, currency: Currency) -> Tariff {
        let (bearer, debtor, creditor) = (Bearer::Creditor, Some(bic), None);
        Tariff {
            scope: Scope { currency, bearer, debtor, creditor, purpose: Some(*b"SALA") },
            tiers: vec![Tier { from: 1, flat: 2, millionths: 3, least: 4, most: 5 }],
            beneficiaries: vec![(Beneficiary::Account(6), 7), (Beneficiary::DebtorParticipant, 8)],
        }
    }

    fn every_kind() -> Vec<Command> {
        let bic = Bic::parse("BNKAXXAA").expect("a BIC");
        let currency = Currency::from_code("EUR").expect("a currency");
        let key = test_key(7);
        let other = test_key(8);
        vec![
            Command::Genesis(Genesis {
                chain_id: [1; 16],
                id_key: 2,
                salt_secret: [3; 32],
                operator_key: key,
                officers: vec![(1, key), (2, other)],
            }),
            Command::RegisterParticipant { bic, name: "Bank A".into(), key: Some(key) },
            Command::SetParticipantState { bic, state: ParticipantState::Suspended },
            Command::OpenPosition { bic, currency, cap: 5 },
            Command::SetNetDebitCap { bic, currency, cap: 6 },
            Command::OpenAccounts { bic, currency, count: 7, credit_line: 8 },
            Command::SetAccountState { account: 9, state: AccountState::SendOnly },
            Command::SetCreditLine { account: 10, credit_line: 11 },
            Command::RegisterAlias { alias: "IBAN:X".into(), account: 12 },
            Command::Seal { height: 13 },
            Command::CloseCycle { cycle: 14 },
            Command::InstructCycle { cycle: 15 },
            Command::SettleCycle { cycle: 16 },
            Command::FailCycle { cycle: 17 },
            Command::RotateSalts { secret: SaltSecret([18; 32]) },
            Command::SetModel { currency, model: Model::Hybrid },
            Command::SplitStream { currency },
            Command::Exchange(ExchangeCommand::PublishRate {
                provider: bic,
                base: currency,
                quote: currency,
                bid: price(1),
                ask: price(2),
                size: 3,
                valid_seconds: 4,
            }),
            Command::Exchange(ExchangeCommand::WithdrawRate {
                provider: bic,
                base: currency,
                quote: currency,
            }),
            Command::Exchange(ExchangeCommand::LockQuote {
                requester: bic,
                provider: bic,
                source: currency,
                target: currency,
                fixed: Fixed::Target(5),
                valid_seconds: 6,
            }),
            Command::Paid(PaidCommand::Paid { cycle: 41, bic }),
            Command::Paid(PaidCommand::Failed { cycle: 42, bic }),
            Command::Schedule(ScheduleCommand::SetCalendar(Calendar {
                weekdays: 36,
                holidays: vec![Date { year: 2026, month: 12, day: 25 }],
                cut_offs: vec![37, 38],
                offset: -39,
            })),
            Command::Schedule(ScheduleCommand::CloseScheduled { cycle: 40 }),
            Command::Fraud(FraudCommand::Report {
                reporter: bic,
                transfer: 47,
                sequence: 48,
                debtor: 49,
                creditor: 50,
                paid: 70,
                amount: 51,
                hops: 5,
                seconds: 52,
            }),
            Command::Fraud(FraudCommand::Hold {
                case: 53,
                as_of: 54,
                traced: vec![Traced { account: 55, amount: 56, hop: 2, via: vec![57, 58] }],
            }),
            Command::Fraud(FraudCommand::Release { case: 59, account: Some(60) }),
            Command::Fraud(FraudCommand::Return { case: 61, account: 62, amount: 63 }),
            Command::Posting(PostingCommand {
                debtor: 43,
                creditor: 44,
                amount: 45,
                reason: "twice".into(),
                valid_seconds: 46,
            }),
            Command::Default(DefaultCommand::Recast { cycle: 28, without: bic, nets: vec![(1, -2), (3, 2)] }),
            Command::Default(DefaultCommand::SetCollateral { bic, currency, amount: 29 }),
            Command::Default(DefaultCommand::SetDefaultFund { currency, amount: 30 }),
            Command::Default(DefaultCommand::Waterfall {
                cycle: 31,
                bic,
                currency,
                own: 32,
                fund: 33,
                survivors: vec![(34, 35)],
            }),
            Command::Proposal(ProposalCommand::Propose {
                command: Box::new(Command::CloseCycle { cycle: 19 }),
                expires_after: 20,
            }),
            Command::Proposal(ProposalCommand::Approve { proposal: 21, content: Hash([22; 32]) }),
            Command::Proposal(ProposalCommand::Withdraw { proposal: 23 }),
            Command::Proposal(ProposalCommand::Enact { proposal: 24 }),
            Command::Authority(AuthorityCommand::SetDelay { seconds: 25 }),
            Command::Authority(AuthorityCommand::AddOfficer { officer: 26, key }),
            Command::Authority(AuthorityCommand::RemoveOfficer { officer: 27 }),
            Command::Authority(AuthorityCommand::SetParticipantKey { bic, key }),
            Command::Limit(LimitCommand::SetCover { bic, currency, amount: 19 }),
            Command::Limit(LimitCommand::SetCapRule { bic, currency, fixed: 20, basis_points: 21 }),
            Command::Limit(LimitCommand::SetBilateralLimit { bic, currency, towards: bic, limit: 22 }),
            Command::Limit(LimitCommand::SetMultilateralLimit { bic, currency, limit: 23 }),
            velocity(Payer::Account(24)),
            velocity(Payer::Position(bic, currency)),
            Command::Limit(LimitCommand::SetReservation { bic, currency, class: Priority::High, amount: 25 }),
            Command::Limit(LimitCommand::SetThresholds { bic, currency, levels: [26, 27] }),
            Command::Limit(LimitCommand::SetFxLimit { bic, base: currency, limit: 28 }),
            valuation(Price::new(29)),
            valuation(None),
            Command::Fee(FeeCommand::SetTariff { number: 28, tariff: tariff(bic, currency) }),
            Command::Fee(FeeCommand::EndTariff { number: 29 }),
            Command::Fee(FeeCommand::Announce(Change {
                from: 30,
                number: 31,
                after: Some(tariff(bic, currency)),
            })),
            Command::Fee(FeeCommand::Announce(Change { from: 32, number: 33, after: None })),
        ]
    }

    #[test]
    fn every_command_round_trips_and_no_cut_or_longer_form_is_read() {
        for command in every_kind() {
            let mut entry = Entry::new(99, command);
            entry.approvals.push(Approval { officer: 1, signature: Signature([4; 64]) });
            let bytes = entry.encode();
            assert_eq!(Entry::decode(&bytes), Ok(entry));
            for end in 0..bytes.len() {
                assert_eq!(Entry::decode(&bytes[..end]), Err(Malformed));
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(Entry::decode(&longer), Err(Malformed));
        }
    }
}
