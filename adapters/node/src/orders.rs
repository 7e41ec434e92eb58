//! Risky commands as officers say them on the command line, and as they are shown: words to commands and back.
//! Decides nothing; what a command may do, the engine says.

use clap::{Subcommand, ValueEnum};
use feiqian_core::account::{AccountHandle, AccountState, UNLIMITED};
use feiqian_core::authority::AuthorityCommand;
use feiqian_core::bic::Bic;
use feiqian_core::calendar::{Calendar, Date};
use feiqian_core::command::{Command, OfficerNumber};
use feiqian_core::controls::{LimitCommand, Payer};
use feiqian_core::currency::Currency;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::exchange::price::Price;
use feiqian_core::fraud::FraudCommand;
use feiqian_core::limits::REASON_BYTES_MAX;
use feiqian_core::model::Model;
use feiqian_core::money::{Amount, AmountError, decimal};
use feiqian_core::paid::PaidCommand;
use feiqian_core::participant::ParticipantState;
use feiqian_core::postings::PostingCommand;
use feiqian_core::registry::Registry;
use feiqian_core::schedule::ScheduleCommand;

use crate::cli::{FraudOrder, TariffArgs};
use crate::commands::fraud::ordered;
use crate::fault::Fault;
use crate::keys::read_public;
use crate::names::{Aliases, currency_of, find_account, uetr_text};
use crate::session::Session;
use crate::tariffs::{command_of, fee_command, words as tariff_words};

/// As they are said and shown.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What is ordered or proposed.
#[derive(Debug, Subcommand)]
pub enum Order {
    /// Set a participant's net debit cap
    Cap {
        /// Whose
        bic: String,
        /// In which currency
        currency: String,
        /// Decimal, or none for no cap
        amount: String,
    },
    /// Set an account's credit line
    Credit {
        /// A handle, an alias, an IBAN, or BIC/CURRENCY
        account: String,
        /// Decimal, or none for no limit
        amount: String,
    },
    /// Open, freeze, restrict or close an account
    Account {
        /// A handle, an alias, an IBAN, or BIC/CURRENCY
        account: String,
        /// What it may do
        state: StateWord,
    },
    /// Suspend or readmit a participant
    Participant {
        /// Which one
        bic: String,
        /// What it may do
        state: ParticipantWord,
    },
    /// Admit a participant
    Register {
        /// Its BIC
        bic: String,
        /// Its name
        name: String,
        /// Its public key: 64 hexadecimal digits, or a file with them
        #[arg(long)]
        key: Option<String>,
    },
    /// Open a participant's position in a currency, with its clearing account
    Position {
        /// Whose
        bic: String,
        /// In which currency
        currency: String,
        /// Net debit cap: decimal, or none for no cap
        cap: String,
    },
    /// Open hosted accounts
    Accounts {
        /// Whose
        bic: String,
        /// In which currency
        currency: String,
        /// How many
        count: u32,
        /// Credit line of each: decimal, or none for no limit
        #[arg(long, default_value = "0")]
        credit_line: String,
    },
    /// Let a participant sign with another key
    Key {
        /// Whose
        bic: String,
        /// The public key: 64 hexadecimal digits, or a file with them
        key: String,
    },
    /// Move an amount between two accounts of one currency by hand, to correct what no participant can
    Posting {
        /// The account that pays: a handle, an alias, an IBAN, or BIC/CURRENCY
        #[arg(long, value_name = "ID")]
        debtor: String,
        /// The account that is paid
        #[arg(long, value_name = "ID")]
        creditor: String,
        /// Decimal
        #[arg(long, value_name = "AMOUNT")]
        amount: String,
        /// Why: journaled, and its digest is the transfer's reference
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Seconds in which it is tried
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        valid: u32,
    },
    /// Take a step of a fraud case
    Fraud {
        /// The step
        #[command(subcommand)]
        step: FraudOrder,
    },
    /// Move a settlement cycle on
    Cycle {
        /// How
        step: CycleWord,
        /// Which one
        cycle: u64,
    },
    /// Give a currency cycles of its own, from the next closing of the general cycle on
    Split {
        /// The currency
        currency: String,
    },
    /// Fix how a currency settles, before it has a position: multilateral, bilateral, gross or hybrid
    Model {
        /// The currency
        currency: String,
        /// Its model
        #[arg(value_parser = parse_model)]
        model: Model,
    },
    /// Say that a participant has paid what it owes of an instructed cycle
    Paid {
        /// Who
        bic: String,
        /// The cycle
        cycle: u64,
    },
    /// Say that a participant has not paid what it owes of an instructed cycle: it does not settle so
    Unpaid {
        /// Who
        bic: String,
        /// The cycle
        cycle: u64,
    },
    /// Set the calendar by which cycles close by themselves
    Calendar {
        /// Times of day at which the open cycle closes, e.g. 12:00,17:30
        #[arg(long = "cut-off", required = true, value_delimiter = ',', value_parser = time_of_day)]
        cut_offs: Vec<u16>,
        /// Business days
        #[arg(long, value_delimiter = ',', value_parser = weekday, default_value = "mon,tue,wed,thu,fri")]
        weekdays: Vec<u8>,
        /// Days without cut-offs, e.g. 2026-12-25,2026-12-26
        #[arg(long = "holiday", value_delimiter = ',', value_parser = date)]
        holidays: Vec<Date>,
        /// What the place's time is ahead of UTC
        #[arg(long, default_value = "+00:00", allow_hyphen_values = true, value_parser = utc_offset)]
        offset: i16,
    },
    /// Say what a participant has put up against its own default
    Collateral {
        /// Whose
        bic: String,
        /// In which currency
        currency: String,
        /// Decimal
        amount: String,
    },
    /// Say what is in the default fund
    DefaultFund {
        /// In which currency
        currency: String,
        /// Decimal
        amount: String,
    },
    /// Put a tariff in force: what payments owe, who bears it, and who gets it
    Tariff(Box<TariffArgs>),
    /// End a tariff
    EndTariff {
        /// Which one
        number: u32,
        /// From then on, a minute ahead or more; absent, at once
        #[arg(long, value_name = "TIME", value_parser = instant)]
        from: Option<u64>,
    },
    /// Set how long approved loosenings wait
    Delay {
        /// Zero: not at all
        seconds: u32,
    },
    /// Give an officer office
    AddOfficer {
        /// The number
        officer: OfficerNumber,
        /// The public key: 64 hexadecimal digits, or a file with them
        key: String,
    },
    /// Take an officer out of office
    RemoveOfficer {
        /// The number
        officer: OfficerNumber,
    },
}

/// States of an account.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StateWord {
    /// Sends and receives.
    Open,
    /// Neither.
    Frozen,
    /// Only sends.
    SendOnly,
    /// Only receives.
    ReceiveOnly,
    /// For ever out of use.
    Closed,
}

/// States of a participant.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ParticipantWord {
    /// Takes part.
    Active,
    /// Neither sends nor receives.
    Suspended,
}

/// Steps of a cycle.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CycleWord {
    /// It ends, and the next begins.
    Close,
    /// Its obligations are sent.
    Instruct,
    /// They are paid.
    Settle,
    /// They are not.
    Fail,
}

impl Order {
    /// The command that it stands for.
    ///
    /// # Errors
    /// [`Fault::Usage`] for words without meaning, [`Fault::Absent`] for an account that is not there.
    pub fn command(&self, session: &Session) -> Result<Command, Fault> {
        let directory = session.engine.directory();
        Ok(match self {
            Self::Fraud { step } => Command::Fraud(ordered(session, step)?),
            Self::Cap { bic, currency, amount } => {
                let currency = currency_named(currency)?;
                Command::SetNetDebitCap { bic: bic_named(bic)?, currency, cap: limit(amount, currency)? }
            }
            Self::Credit { account, amount } => {
                let account = find_account(directory, account)?;
                let currency = directory.account(account).map(|(_, currency, _)| currency);
                let currency = currency.ok_or_else(|| Fault::Absent(format!("no account {account}")))?;
                Command::SetCreditLine { account, credit_line: limit(amount, currency)? }
            }
            Self::Account { account, state } => {
                let state = match state {
                    StateWord::Open => AccountState::Open,
                    StateWord::Frozen => AccountState::Frozen,
                    StateWord::SendOnly => AccountState::SendOnly,
                    StateWord::ReceiveOnly => AccountState::ReceiveOnly,
                    StateWord::Closed => AccountState::Closed,
                };
                Command::SetAccountState { account: find_account(directory, account)?, state }
            }
            Self::Participant { bic, state } => {
                let state = match state {
                    ParticipantWord::Active => ParticipantState::Active,
                    ParticipantWord::Suspended => ParticipantState::Suspended,
                };
                Command::SetParticipantState { bic: bic_named(bic)?, state }
            }
            Self::Register { bic, name, key } => Command::RegisterParticipant {
                bic: bic_named(bic)?,
                name: name.clone(),
                key: key.as_deref().map(read_public).transpose()?,
            },
            Self::Position { bic, currency, cap } => {
                let currency = currency_named(currency)?;
                Command::OpenPosition { bic: bic_named(bic)?, currency, cap: limit(cap, currency)? }
            }
            Self::Accounts { bic, currency, count, credit_line } => {
                let (bic, currency, count) = (bic_named(bic)?, currency_named(currency)?, *count);
                Command::OpenAccounts { bic, currency, count, credit_line: limit(credit_line, currency)? }
            }
            Self::Posting { debtor, creditor, amount, reason, valid } => {
                let (debtor, creditor) =
                    (find_account(directory, debtor)?, find_account(directory, creditor)?);
                let currency = directory.account(debtor).map(|(_, currency, _)| currency);
                let currency = currency.ok_or_else(|| Fault::Absent(format!("no account {debtor}")))?;
                if reason.len() > REASON_BYTES_MAX {
                    return Err(Fault::Usage(format!("--reason: at most {REASON_BYTES_MAX} bytes")));
                }
                let amount = sum(amount, currency)?;
                let (reason, valid_seconds) = (reason.clone(), *valid);
                Command::Posting(PostingCommand { debtor, creditor, amount, reason, valid_seconds })
            }
            Self::Cycle { step, cycle } => {
                let cycle = *cycle;
                match step {
                    CycleWord::Close => Command::CloseCycle { cycle },
                    CycleWord::Instruct => Command::InstructCycle { cycle },
                    CycleWord::Settle => Command::SettleCycle { cycle },
                    CycleWord::Fail => Command::FailCycle { cycle },
                }
            }
            Self::Model { currency, model } => {
                Command::SetModel { currency: currency_named(currency)?, model: *model }
            }
            Self::Split { currency } => Command::SplitStream { currency: currency_named(currency)? },
            Self::Key { bic, key } => Command::Authority(AuthorityCommand::SetParticipantKey {
                bic: bic_named(bic)?,
                key: read_public(key)?,
            }),
            Self::Paid { bic, cycle } => {
                Command::Paid(PaidCommand::Paid { cycle: *cycle, bic: bic_named(bic)? })
            }
            Self::Unpaid { bic, cycle } => {
                Command::Paid(PaidCommand::Failed { cycle: *cycle, bic: bic_named(bic)? })
            }
            Self::Calendar { cut_offs, weekdays, holidays, offset } => {
                let (mut cut_offs, mut holidays) = (cut_offs.clone(), holidays.clone());
                cut_offs.sort_unstable();
                cut_offs.dedup();
                holidays.sort_unstable();
                holidays.dedup();
                let weekdays = weekdays.iter().fold(0, |bits, day| bits | 1 << day);
                let calendar = Calendar { weekdays, holidays, cut_offs, offset: *offset };
                Command::Schedule(ScheduleCommand::SetCalendar(calendar))
            }
            Self::Collateral { bic, currency, amount } => {
                let (bic, currency) = (bic_named(bic)?, currency_named(currency)?);
                let amount = sum(amount, currency)?;
                Command::Default(DefaultCommand::SetCollateral { bic, currency, amount })
            }
            Self::DefaultFund { currency, amount } => {
                let currency = currency_named(currency)?;
                let amount = sum(amount, currency)?;
                Command::Default(DefaultCommand::SetDefaultFund { currency, amount })
            }
            Self::Tariff(said) => Command::Fee(command_of(said, directory)?),
            Self::EndTariff { number, from } => Command::Fee(fee_command(*number, None, *from)),
            Self::Delay { seconds } => Command::Authority(AuthorityCommand::SetDelay { seconds: *seconds }),
            Self::AddOfficer { officer, key } => {
                Command::Authority(AuthorityCommand::AddOfficer { officer: *officer, key: read_public(key)? })
            }
            Self::RemoveOfficer { officer } => {
                Command::Authority(AuthorityCommand::RemoveOfficer { officer: *officer })
            }
        })
    }
}

pub(crate) fn bic_named(text: &str) -> Result<Bic, Fault> {
    Bic::parse(text).map_err(|error| Fault::Usage(format!("{text}: {error}")))
}

pub(crate) fn currency_named(text: &str) -> Result<Currency, Fault> {
    let way = "not an ISO 4217 code that can be cleared";
    Currency::from_code(text).ok_or_else(|| Fault::Usage(format!("{text}: {way}")))
}

fn sum(text: &str, currency: Currency) -> Result<u64, Fault> {
    match Amount::from_decimal(text, currency) {
        Ok(amount) => Ok(amount.minor()),
        Err(AmountError::Zero) => Ok(0),
        Err(error) => Err(Fault::Usage(format!("{text}: {error}"))),
    }
}

pub(crate) fn limit(text: &str, currency: Currency) -> Result<u64, Fault> {
    match Amount::from_decimal(text, currency) {
        _ if text == "none" => Ok(UNLIMITED),
        Ok(amount) => Ok(amount.minor()),
        Err(AmountError::Zero) => Ok(0),
        Err(error) => Err(Fault::Usage(format!("{text}: {error}; or none, for no limit"))),
    }
}

fn parse_model(text: &str) -> Result<Model, String> {
    let all = [Model::Multilateral, Model::Bilateral, Model::Gross, Model::Hybrid];
    let found = all.into_iter().find(|model| model.name() == text);
    found.ok_or_else(|| "multilateral, bilateral, gross or hybrid".to_owned())
}

/// What a command does, in words, with what holds now where it changes that.
#[must_use]
pub fn words(command: &Command, registry: &Registry) -> String {
    let account_name = |account: AccountHandle| {
        let name = Aliases::of(registry).name(registry, account);
        name.map_or_else(|| format!("account {account}"), |name| name.to_string())
    };
    match command {
        Command::SetNetDebitCap { bic, currency, cap } => {
            let slot = registry.slot_of(*bic, *currency);
            let now = slot.and_then(|slot| registry.slots().get(slot as usize)).map(|terms| terms.cap);
            format!("cap of {bic} in {currency}: {}", change(now, *cap, Some(*currency)))
        }
        Command::SetCreditLine { account, credit_line } => {
            let terms = registry.account(*account);
            let now = terms.map(|terms| terms.credit_line);
            let change = change(now, *credit_line, terms.and_then(currency_of));
            format!("credit line of {}: {change}", account_name(*account))
        }
        Command::SetAccountState { account, state } => {
            let now = registry.account(*account).map_or("?", |terms| terms.state.name());
            format!("{}: {now} -> {}", account_name(*account), state.name())
        }
        Command::SetParticipantState { bic, state: ParticipantState::Active } => format!("readmit {bic}"),
        Command::SetParticipantState { bic, state: ParticipantState::Suspended } => format!("suspend {bic}"),
        Command::SetParticipantState { bic, state: ParticipantState::SendOnly } => {
            format!("{bic} only sends")
        }
        Command::SetParticipantState { bic, state: ParticipantState::ReceiveOnly } => {
            format!("{bic} only receives")
        }
        Command::RegisterParticipant { bic, name, .. } => format!("admit {bic}, {name}"),
        Command::OpenPosition { bic, currency, cap } => {
            format!("open the position of {bic} in {currency}, cap {}", amount(*cap, Some(*currency)))
        }
        Command::OpenAccounts { bic, currency, count, credit_line } => {
            let credit_line = amount(*credit_line, Some(*currency));
            format!("open {count} accounts of {bic} in {currency}, credit line {credit_line}")
        }
        Command::Posting(posting) => {
            let currency = registry.account(posting.debtor).and_then(currency_of);
            format!(
                "post {} {} from {} to {}: {}",
                amount(posting.amount, currency),
                currency.map_or("", |currency| currency.code()),
                account_name(posting.debtor),
                account_name(posting.creditor),
                posting.reason
            )
        }
        Command::Fraud(command) => fraud_words(command, registry, account_name),
        Command::RegisterAlias { alias, account } => format!("name {} {alias}", account_name(*account)),
        Command::CloseCycle { cycle } => format!("close cycle {cycle}"),
        Command::InstructCycle { cycle } => format!("instruct cycle {cycle}"),
        Command::SettleCycle { cycle } => format!("settle cycle {cycle}"),
        Command::FailCycle { cycle } => format!("fail cycle {cycle}"),
        Command::Limit(limit) => limit_words(limit),
        Command::Fee(command) => tariff_words(command, account_name),
        Command::SplitStream { currency } => format!("give {currency} cycles of its own"),
        Command::SetModel { currency, model } => format!("settle {currency} {}", model.name()),
        Command::Default(command) => words_of_default(command),
        Command::Paid(command) => {
            let (cycle, bic, has_paid) = command.parts();
            format!("{bic} has {} for cycle {cycle}", if has_paid { "paid" } else { "failed to pay" })
        }
        Command::RotateSalts { .. } => "rotate the secret of salts".to_owned(),
        Command::Authority(AuthorityCommand::SetDelay { seconds }) => {
            format!("delay of loosenings: {} s -> {seconds} s", registry.authority().delay())
        }
        Command::Authority(AuthorityCommand::AddOfficer { officer, key }) => {
            format!("officer {officer} takes office with key {key}")
        }
        Command::Authority(AuthorityCommand::RemoveOfficer { officer }) => {
            format!("officer {officer} leaves office")
        }
        Command::Authority(AuthorityCommand::SetParticipantKey { bic, key }) => {
            format!("{bic} signs with key {key}")
        }
        Command::Schedule(ScheduleCommand::SetCalendar(calendar)) => words_of_calendar(calendar),
        Command::Genesis(_)
        | Command::Seal { .. }
        | Command::Proposal(_)
        | Command::Exchange(_)
        | Command::Schedule(ScheduleCommand::CloseScheduled { .. }) => "nothing that can be".to_owned(),
    }
}

fn words_of_calendar(calendar: &Calendar) -> String {
    let days = DAYS.iter().enumerate().filter(|(at, _)| calendar.weekdays >> at & 1 == 1);
    let days: Vec<_> = days.map(|(_, name)| *name).collect();
    let times: Vec<_> =
        calendar.cut_offs.iter().map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60)).collect();
    let (sign, offset) = (if calendar.offset < 0 { '-' } else { '+' }, calendar.offset.unsigned_abs());
    let place = format!("UTC{sign}{:02}:{:02}", offset / 60, offset % 60);
    let holidays = calendar.holidays.len();
    format!("cut-offs at {} {place} on {}, but for {holidays} holidays", times.join(", "), days.join(", "))
}

/// A time of day, `17:30`, in minutes.
fn minutes_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
    (minutes < 60).then(|| hours.checked_mul(60)?.checked_add(minutes)).flatten()
}

fn time_of_day(text: &str) -> Result<u16, String> {
    minutes_of(text)
        .filter(|minutes| *minutes < 1_440)
        .ok_or_else(|| "not a time of day such as 17:30".to_owned())
}

fn utc_offset(text: &str) -> Result<i16, String> {
    let way = || "not an offset such as +01:00".to_owned();
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'+') => (1, &text[1..]),
        Some(b'-') => (-1, &text[1..]),
        _ => return Err(way()),
    };
    let minutes = minutes_of(rest).and_then(|minutes| i16::try_from(minutes).ok());
    minutes.filter(|minutes| *minutes <= 14 * 60).map(|minutes| sign * minutes).ok_or_else(way)
}

fn date(text: &str) -> Result<Date, String> {
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return Err("not a date such as 2026-12-25".to_owned()) };
    let found = (year.parse().ok(), month.parse().ok(), day.parse().ok());
    let (Some(year), Some(month), Some(day)) = found else {
        return Err("not a date such as 2026-12-25".to_owned());
    };
    let date = Date { year, month, day };
    date.days().map(|_| date).ok_or_else(|| "there is no such day".to_owned())
}

/// A moment, `2026-12-01T00:00Z`, with seconds or without, in nanoseconds since 1970.
pub(crate) fn instant(text: &str) -> Result<u64, String> {
    let way = || "not a time such as 2026-12-01T00:00Z".to_owned();
    let (day, time) = text.strip_suffix('Z').and_then(|text| text.split_once('T')).ok_or_else(way)?;
    let (time, seconds) = if time.len() > 5 { time.rsplit_once(':').ok_or_else(way)? } else { (time, "0") };
    let days = date(day)?.days().and_then(|days| u64::try_from(days).ok()).ok_or_else(way)?;
    let seconds = seconds.parse::<u64>().ok().filter(|seconds| *seconds < 60).ok_or_else(way)?;
    let minutes = u64::from(time_of_day(time)?);
    let since = days.checked_mul(86_400).and_then(|since| since.checked_add(minutes * 60 + seconds));
    since.and_then(|since| since.checked_mul(1_000_000_000)).ok_or_else(way)
}

fn weekday(text: &str) -> Result<u8, String> {
    let at = DAYS.iter().position(|day| *day == text).and_then(|at| u8::try_from(at).ok());
    at.ok_or_else(|| format!("not one of {}", DAYS.join(", ")))
}

pub(crate) fn words_of_default(command: &DefaultCommand) -> String {
    match command {
        DefaultCommand::Recast { cycle, without, nets } => {
            format!("recast cycle {cycle} without {without}, {} net positions stay", nets.len())
        }
        DefaultCommand::SetCollateral { bic, currency, amount: sum } => {
            format!("collateral of {bic} in {currency}: {}", amount(*sum, Some(*currency)))
        }
        DefaultCommand::SetDefaultFund { currency, amount: sum } => {
            format!("default fund in {currency}: {}", amount(*sum, Some(*currency)))
        }
        DefaultCommand::Waterfall { cycle, bic, currency, own, fund, survivors } => {
            let carried = survivors.iter().fold(0_u64, |sum, (_, share)| sum.saturating_add(*share));
            let [own, fund, carried] = [*own, *fund, carried].map(|sum| amount(sum, Some(*currency)));
            let others = survivors.len();
            format!(
                "cover what {bic} owes of cycle {cycle} in {currency}: {own} of its own, {fund} of the fund, \
                 {carried} of {others} others"
            )
        }
    }
}

/// What a step of a fraud case does; of a case that is ended, without its currency.
fn fraud_words(
    command: &FraudCommand,
    registry: &Registry,
    account_name: impl Fn(AccountHandle) -> String,
) -> String {
    let sum = |case: &u128, minor: u64| {
        let found = registry.cases().get(*case).and_then(|case| registry.account(case.creditor));
        let currency = found.and_then(currency_of);
        format!("{} {}", amount(minor, currency), currency.map_or("", |currency| currency.code()))
    };
    match command {
        FraudCommand::Report { transfer, .. } => format!("report transfer {}", uetr_text(*transfer)),
        FraudCommand::Hold { case, as_of, traced } => {
            let all = traced.iter().fold(0_u64, |all, at| all.saturating_add(at.amount));
            let (case, all, places) = (uetr_text(*case), sum(case, all), traced.len());
            format!("hold {all} on {places} accounts for fraud case {case}, traced up to sequence {as_of}")
        }
        FraudCommand::Release { case, account: Some(account) } => {
            format!("free what fraud case {} holds on {}", uetr_text(*case), account_name(*account))
        }
        FraudCommand::Release { case, account: None } => {
            format!("free what fraud case {} holds, and end it", uetr_text(*case))
        }
        FraudCommand::Return { case, account, amount } => {
            let (all, from) = (sum(case, *amount), account_name(*account));
            format!("return {all} from {from} for fraud case {}", uetr_text(*case))
        }
    }
}

/// What a command does to limits beyond cap and credit line.
fn limit_words(limit: &LimitCommand) -> String {
    match limit {
        LimitCommand::SetCover { bic, currency, amount: cover } => {
            format!("cover of {bic} in {currency}: {}", amount(*cover, Some(*currency)))
        }
        LimitCommand::SetCapRule { bic, currency, fixed, basis_points } => {
            let fixed = amount(*fixed, Some(*currency));
            format!("cap of {bic} in {currency}: {fixed} and {basis_points} basis points of its cover")
        }
        LimitCommand::SetBilateralLimit { bic, currency, towards, limit } => {
            format!("limit of {bic} towards {towards}: {} {currency}", amount(*limit, Some(*currency)))
        }
        LimitCommand::SetMultilateralLimit { bic, currency, limit } => {
            format!("limit of {bic} towards all others: {} {currency}", amount(*limit, Some(*currency)))
        }
        LimitCommand::SetVelocityLimit { payer, count, period_seconds, .. } => {
            let payer = match payer {
                Payer::Account(account) => format!("account {account}"),
                Payer::Position(bic, currency) => format!("{bic} in {currency}"),
            };
            format!("velocity limit of {payer}: {count} payments in {period_seconds} s")
        }
        LimitCommand::SetReservation { bic, currency, class, amount: kept } => {
            let kept = amount(*kept, Some(*currency));
            format!("{bic} keeps {kept} {currency} for {} payments", class.name())
        }
        LimitCommand::SetThresholds { bic, currency, levels: [first, second] } => {
            format!("{bic} in {currency} is watched at {first} and {second} basis points of its cap")
        }
        LimitCommand::SetFxLimit { bic, base, limit } => {
            let limit = amount(*limit, Some(*base));
            format!("limit of {bic} on shorts by trades in all currencies: {limit} {base}")
        }
        LimitCommand::SetValuation { currency, base, price } => {
            let price = price.map_or_else(|| "none".to_owned(), Price::to_decimal);
            format!("valuation of {currency} where shorts count in {base}: {price}")
        }
    }
}

fn change(now: Option<u64>, then: u64, currency: Option<Currency>) -> String {
    let now = now.map_or_else(|| "?".to_owned(), |now| amount(now, currency));
    format!("{now} -> {}", amount(then, currency))
}

fn amount(minor: u64, currency: Option<Currency>) -> String {
    match currency {
        _ if minor == UNLIMITED => "none".to_owned(),
        Some(currency) => decimal(minor.into(), currency),
        None => minor.to_string(),
    }
}
