//! Account reporting requests (camt.060), answered by one camt.052, camt.053 or camt.054 with what is asked for: the
//! asker's positions, or an account of its own, over whole cycles or parts of them ([`super::periods`]). All of a message is told, or none and an admi.002 says
//! why; another's account is refused as one that there is not (I7).

use std::io::ErrorKind;

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::participant::{Cycle, CycleNumber, CycleState, ParticipantHandle};
use feiqian_iso20022::case::CaseParty;
use feiqian_iso20022::payment::{Agent, Refusal};
use feiqian_iso20022::reporting_request::{ReportingRequest, RequestedReport};
use feiqian_iso20022::write::{AccountReport, ReportAnswer, account_reports};
use feiqian_iso20022::{Family, Kept, MessageType, codes};
use feiqian_runtime::directory::Directory;

use super::accounts::handle;
use super::periods::Times;
use super::{answering, refused};
use crate::after::AfterFault;
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::Intake;
use crate::limits::ANSWERED_REPORTS_MAX;
use crate::report::{Disposition, FileReport};
use crate::resolve::{find, refuse};
use crate::settlement::{
    Choice, Entries, StatementMessage, StatementOf, begun_at, entries_of, opened_at, reports_of,
};
use crate::source::Source;
use crate::timestamp::date_time;

/// The version of an answer whose request names none.
const VERSION: u8 = 8;
/// The first version that is written.
const FROM: u8 = 2;
/// Balances that there are: opening, closing, and interim of a cycle that is open.
const BALANCES: [&str; 3] = ["OPBD", "CLBD", "ITBD"];

/// Why nothing is told: a refusal, which is answered, or a fault.
enum Untold {
    Refused(Refusal),
    Fault(FilesError),
}

impl From<Refusal> for Untold {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<FilesError> for Untold {
    /// What a history no longer has, or not yet, is no fault: the next run would not find it either.
    fn from(fault: FilesError) -> Self {
        match fault {
            FilesError::Unknown(text) => Self::Refused(Refusal { code: codes::NARR, text }),
            fault => Self::Fault(fault),
        }
    }
}

/// Answers a reporting request.
pub(crate) fn tell(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let request = ReportingRequest::read(source.reader()?, intake.options.limits)?;
    let (message_type, reports) = match told(intake, &request) {
        Ok(told) => told,
        Err(Untold::Fault(fault)) => return Err(fault.into()),
        Err(Untold::Refused(refusal)) => {
            let of = (request.message_type, request.message_id.as_str());
            return refused(intake, file, source, (of, &refusal));
        }
    };
    let id = format!("FQR{}", source.tag(24));
    let answer = ReportAnswer {
        message_type,
        business: answering(intake, request.business.as_ref(), (&id, message_type)),
        message_id: id,
        creation: date_time(intake.now),
        query: (request.message_id.clone(), request.message_type, request.creation),
    };
    let name = format!("{}.{}.xml", source.stem(), message_type.family().identifier());
    match intake.answer(&name, |out| account_reports(out, &answer, &reports)) {
        // No message holds it, now or in the next run.
        Err(FilesError::Io { source: fault, .. }) if fault.kind() == ErrorKind::InvalidInput => {
            let refusal = Refusal { code: codes::AM02, text: fault.to_string() };
            return refused(intake, file, source, ((answer.query.1, answer.query.0.as_str()), &refusal));
        }
        written => written?,
    }
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(FileReport {
        message_type: Some(request.message_type.identifier().to_owned()),
        message_id: Some(request.message_id),
        answer: Some(name),
        ..FileReport::new(&file.name, Disposition::Answered)
    })
}

fn told(
    intake: &Intake<'_>,
    request: &ReportingRequest,
) -> Result<(MessageType, Vec<AccountReport>), Untold> {
    let asker = asker(intake, request)?;
    let message_type = one_type(&request.reports)?;
    let mut all = Vec::new();
    for asked in &request.reports {
        let wanted = Wanted::of(intake, asker, (&asked, message_type))?;
        let cycles = wanted.cycles(intake, &asked)?;
        if all.len() + cycles.len() > ANSWERED_REPORTS_MAX {
            let text = format!("more than {ANSWERED_REPORTS_MAX} reports are asked for; ask for fewer");
            return Err(Refusal { code: codes::AG03, text }.into());
        }
        for cycle in cycles {
            all.extend(wanted.reports(intake, cycle)?);
        }
    }
    Ok((message_type, all))
}

/// Who asks: `MsgSndr`, else the header's sender, else the owner of the first account, which is always named.
fn asker(intake: &Intake<'_>, request: &ReportingRequest) -> Result<ParticipantHandle, Refusal> {
    let business = request.business.as_ref();
    let owner = || request.reports.first().filter(|_| business.is_none()).and_then(|one| bank(&one.owner));
    let named = request.sender.as_ref().and_then(bank).or_else(owner);
    intake.sender(named.as_ref(), business)
}

/// A party by what banks are known by; none for one that has neither BIC nor number, as customers have not.
fn bank(party: &CaseParty) -> Option<Agent> {
    match party {
        CaseParty::Agent(agent) => Some(agent.clone()).filter(|a| a.bic.is_some() || a.member.is_some()),
        CaseParty::Party(party) => party.bic.map(Agent::of_bic),
    }
}

/// The type of the answer, which all reports of the request ask for.
fn one_type(reports: &Kept<RequestedReport>) -> Result<MessageType, Refusal> {
    let mut types = reports.iter().map(|asked| answer_type(&asked.message_name));
    let first = types.next().flatten();
    match first {
        Some(message) if types.all(|other| other == first) => Ok(message),
        Some(_) => refuse(codes::AG03, "ReqdMsgNmId differs; send a request for each".to_owned()),
        None => {
            let text =
                "ReqdMsgNmId is no camt.052, camt.053 or camt.054, or of a version that is not written";
            refuse(codes::AG03, text.to_owned())
        }
    }
}

fn answer_type(name: &str) -> Option<MessageType> {
    let families = [Family::Camt052, Family::Camt053, Family::Camt054];
    if let Some(family) = families.into_iter().find(|family| family.identifier() == name) {
        return Some(family.version(VERSION));
    }
    let found = MessageType::parse(name)?;
    (families.contains(&found.family()) && found.version() >= FROM).then_some(found)
}

/// What a report is of.
struct Wanted {
    of: StatementOf,
    message: StatementMessage,
    /// That of the account, or those of the positions.
    currencies: Vec<Currency>,
    /// Of which cycles, or which parts of them.
    times: Times,
    entries: Entries,
}

impl Wanted {
    fn of(
        intake: &Intake<'_>,
        asker: ParticipantHandle,
        (asked, message_type): (&RequestedReport, MessageType),
    ) -> Result<Self, Refusal> {
        let names = intake.engine.directory();
        supported(asked)?;
        let (times, entries) = (Times::of(asked, &name(asked))?, entries(asked)?);
        let is_owner =
            bank(&asked.owner).is_none_or(|owner| find(&owner, names).is_some_and(|it| it.handle == asker));
        let found = if is_owner { found(names, asker, asked) } else { None };
        let Some((of, currencies)) = found else {
            let text = format!("{}: there is no such account of the asker's", name(asked));
            return refuse(codes::AC01, text);
        };
        let message = match message_type.family() {
            Family::Camt052 => StatementMessage::Report,
            Family::Camt054 => StatementMessage::Notification,
            _ => StatementMessage::Statement,
        };
        Ok(Self { of, message, currencies, times, entries })
    }

    /// Whose turn it is: the cycles that the request chooses; where it says nothing, the newest of each stream. A statement is
    /// of closed cycles; the open one ends now.
    fn cycles(&self, intake: &Intake<'_>, asked: &RequestedReport) -> Result<Vec<CycleNumber>, Refusal> {
        let begun = begun_at(intake.engine);
        let mut cycles: Vec<Cycle> = intake.engine.directory().registry(|registry| {
            let is_wanted = |cycle: &&Cycle| {
                let is_open = cycle.state == CycleState::Open;
                let opened = opened_at(registry, cycle, begun);
                let end = if is_open { intake.now } else { cycle.closed_at };
                let is_of_kind = match self.message {
                    StatementMessage::Statement => !is_open,
                    _ => is_open || !self.times.are_newest(),
                };
                is_of_kind && self.times.choose(cycle.number, (opened, end))
            };
            let is_counted = |cycle: &&Cycle| {
                self.currencies.iter().any(|currency| registry.streams().is_counted(cycle, *currency))
            };
            registry.cycles().iter().filter(is_wanted).filter(is_counted).copied().collect()
        });
        if self.times.are_newest() {
            let all = cycles.clone();
            cycles.retain(|one| !all.iter().any(|it| it.scope == one.scope && it.number > one.number));
        }
        if cycles.is_empty() {
            let text = format!("{}: no cycle of the account was or ended then; ask for others", name(asked));
            return refuse(codes::DT01, text);
        }
        Ok(cycles.into_iter().map(|cycle| cycle.number).collect())
    }

    fn reports(&self, intake: &Intake<'_>, cycle: CycleNumber) -> Result<Vec<AccountReport>, Untold> {
        let (engine, operator) = (intake.engine, intake.options.operator);
        // Positions are told from all of the cycle's entries, an account from its own postings alone.
        let is_affordable = match self.of {
            StatementOf::Participant(_) => {
                intake.may_scan(entries_of(engine, operator, (cycle, self.message))?)
            }
            StatementOf::Account(_) => true,
        };
        if !is_affordable {
            let text =
                format!("cycle {cycle}: its entries are more than one message is told of; ask by Acct");
            return Err(Refusal { code: codes::AG03, text }.into());
        }
        let choice = Choice { part: self.times.part, entries: self.entries };
        let mut reports = reports_of(engine, operator, cycle, (self.of, self.message, choice))?;
        reports.retain(|report| self.currencies.contains(&report.currency));
        Ok(reports)
    }
}

/// Which entries are asked for. All that are told are booked; what is held or waits is no entry of a report here.
fn entries(asked: &RequestedReport) -> Result<Entries, Refusal> {
    let Some(kind) = &asked.entries else { return Ok(Entries::All) };
    match (kind.status.as_str(), kind.side.as_str()) {
        ("BOOK", "CRDT") => Ok(Entries::Credits),
        ("BOOK", _) => Ok(Entries::Debits),
        (status, _) => {
            let text = format!(
                "{}: ReqdTxTp asks for entries that are {status}; only those that are BOOK are told",
                name(asked)
            );
            refuse(codes::AG03, text)
        }
    }
}

/// Refuses what asks for a part that is not told apart.
fn supported(asked: &RequestedReport) -> Result<(), Refusal> {
    let is_changes = asked.period.as_ref().is_some_and(|period| period.kind != "ALLL");
    let is_balance = |kind: &String| BALANCES.contains(&kind.as_str());
    let other = match asked.other {
        Some(element) => Some(element),
        None if is_changes => Some("RptgPrd/Tp"),
        None if !asked.balances.iter().all(is_balance) => Some("ReqdBalTp"),
        None => None,
    };
    match other {
        Some(element) => refuse(
            codes::AG03,
            format!("{}: {element} asks for what is not told apart; leave it out", name(asked)),
        ),
        None => Ok(()),
    }
}

/// The asker's account that is named, or all of its positions.
fn found(
    names: &Directory,
    asker: ParticipantHandle,
    asked: &RequestedReport,
) -> Option<(StatementOf, Vec<Currency>)> {
    let is_wanted =
        |currency: &Currency| asked.currency.as_deref().is_none_or(|code| code == currency.iso_code());
    if let Some(account) = &asked.account {
        let account: AccountHandle = handle(account, names)?;
        let (owner, currency, _) = names.account(account)?;
        let is_own = owner == asker && is_wanted(&currency);
        return is_own.then(|| (StatementOf::Account(account), vec![currency]));
    }
    names.registry(|registry| {
        let bic = registry.participants().get(usize::try_from(asker).ok()?)?.bic;
        let own = registry.slots().iter().filter(|slot| slot.participant == asker);
        let currencies: Vec<_> = own.map(|slot| slot.currency).filter(is_wanted).collect();
        (!currencies.is_empty()).then_some((StatementOf::Participant(bic), currencies))
    })
}

fn name(asked: &RequestedReport) -> String {
    asked.id.as_ref().map_or_else(|| "RptgReq".to_owned(), |id| format!("RptgReq {id}"))
}
