//! What happens to a file of the inbox, from its bytes to its answer.
//!
//! ```text
//! read all ──┬─ a table (CSV)  ────────────────────▶ csv/
//!            ├─ unreadable ──────────▶ admi.002 ─▶ rejected/ with its reason
//!            ├─ no payments in it ───────────────▶ archive/ (noted)
//!            ├─ wrong as a whole ────▶ pacs.002 RJCT ─▶ archive/
//!            └─ read again: resolve, submit, wait ▶ pacs.002 ─▶ archive/
//! ```
//! A pain.001 is answered by a pain.002 in the place of the pacs.002.
//! A crash between any two steps leaves the file in the inbox, and the next run ends in the same answer: the engine
//! knows each payment by its id, and names of answers follow from the input alone. Refusals that are made here, by
//! the directory as it is, are made anew.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use feiqian_core::bic::Bic;
use feiqian_iso20022::codes::Status;
use feiqian_iso20022::derive::transfer_id;
use feiqian_iso20022::events::{Event, Events};
use feiqian_iso20022::payment::{Entry, FileSummary, Refusal};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::TransactionStatus;
use feiqian_iso20022::transfers::{TransferReader, check};
use feiqian_iso20022::write::admi002;
use feiqian_iso20022::{ErrorCode, Family, Limits, MessageType, ReadError};
use feiqian_runtime::pipeline::Engine;

use crate::after::time_limits::RecallLimits;
use crate::after::{
    AfterFault, answers, cases, confirmations, covers, direct_debits, investigations, messages,
    payment_requests, recalls, request_answers, requests, returns, waiting,
};
use crate::answer::{PaymentSums, changed, group_status};
use crate::clearing::Clearing;
use crate::csv;
use crate::error::FilesError;
use crate::handed::Caller;
use crate::inbox::{InboxFile, list};
use crate::inquiries;
use crate::layout::WorkDir;
use crate::limits::SCANNED_ENTRIES_MAX;
use crate::mailbox;
use crate::profile::{Deadlines, Profile};
use crate::report::{Disposition, FileReport, IntakeReport};
use crate::resolve::{Resolved, resolve};
use crate::source::Source;
use crate::status::Verdicts;
use crate::store;
use crate::timestamp::date_time;
use crate::usage::Usage;

/// What is done with a file that has been worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposal {
    /// Moved to `archive/` or `rejected/`: the inbox is the work directory's own.
    Move,
    /// Left as it is: the inbox is someone else's, and only read. What can't be read is copied to `rejected/`.
    Leave,
}

/// How files are taken in.
#[derive(Clone, Debug)]
pub struct IntakeOptions {
    /// Where files come in.
    pub inbox: PathBuf,
    /// Where everything else goes.
    pub work: WorkDir,
    /// What is done with files that have been worked on.
    pub disposal: Disposal,
    /// Who answers.
    pub operator: Bic,
    /// Bounds of one file.
    pub limits: Limits,
    /// How long payments wait that may.
    pub deadlines: Deadlines,
    /// How long payments may be recalled.
    pub recalls: RecallLimits,
    /// Which profiles messages are held to.
    pub usage: Usage,
    /// Dates the answers and tells whether recalls are in time, nanoseconds since 1970; of payments it decides nothing.
    pub clock: fn() -> u64,
}

impl IntakeOptions {
    /// Takes in the work directory's own inbox, within the usual limits.
    #[must_use]
    pub fn new(work: WorkDir, operator: Bic) -> Self {
        Self {
            inbox: work.inbox(),
            work,
            disposal: Disposal::Move,
            operator,
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            recalls: RecallLimits::default(),
            usage: Usage::default(),
            clock: crate::timestamp::now,
        }
    }

    /// Reads another inbox and leaves its files there.
    #[must_use]
    pub fn reading(self, inbox: PathBuf) -> Self {
        Self { inbox, disposal: Disposal::Leave, ..self }
    }
}

/// Takes in what the inbox holds, file by file in name order. Blocks until all is answered: call it from a plain
/// thread, not from an async runtime.
///
/// # Errors
/// [`FilesError::Io`] if the inbox can't be listed, [`FilesError::Closing`] if the engine shuts down. Any other fault
/// concerns one file, which is reported as left.
pub fn intake(engine: &Engine, options: &IntakeOptions) -> Result<IntakeReport, FilesError> {
    let listing = list(&options.inbox)?;
    let files = take(engine, options, &listing.files)?;
    let decided = waiting::tell(engine, options)?;
    let overdue = tell_overdue(engine, options)?;
    let (expired, _) = tell_expired(engine, options)?;
    Ok(IntakeReport { files, skipped: listing.skipped, left: listing.left, decided, overdue, expired })
}

/// Tells the askers of requests to pay that have expired; gives their number, and when the next one will.
pub(crate) fn tell_expired(
    engine: &Engine,
    options: &IntakeOptions,
) -> Result<(u64, Option<u64>), FilesError> {
    request_answers::tell_expired(&Intake::new(engine, options))
}

/// Tells the askers of recalls that nobody answered in time.
pub(crate) fn tell_overdue(engine: &Engine, options: &IntakeOptions) -> Result<u64, FilesError> {
    cases::tell_overdue(&Intake::new(engine, options))
}

/// Takes in single files, whatever their names end in, and leaves them where they are.
///
/// # Errors
/// As [`intake`]; [`FilesError::Io`] for a file that is not there.
pub fn import(
    engine: &Engine,
    options: &IntakeOptions,
    paths: &[PathBuf],
) -> Result<IntakeReport, FilesError> {
    let options = IntakeOptions { disposal: Disposal::Leave, ..options.clone() };
    let mut files = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(FilesError::io(path, "open"))?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        files.push(InboxFile { name, path: path.clone(), bytes: metadata.len() });
    }
    let files = take(engine, &options, &files)?;
    let decided = waiting::tell(engine, &options)?;
    let overdue = tell_overdue(engine, &options)?;
    let (expired, _) = tell_expired(engine, &options)?;
    Ok(IntakeReport { files, decided, overdue, expired, ..IntakeReport::default() })
}

pub(crate) fn take(
    engine: &Engine,
    options: &IntakeOptions,
    files: &[InboxFile],
) -> Result<Vec<FileReport>, FilesError> {
    let mut reports = Vec::new();
    for file in files {
        match Intake::new(engine, options).file(file) {
            Ok(report) => reports.push(report),
            Err(FilesError::Closing) => return Err(FilesError::Closing),
            Err(fault) => reports.push(FileReport {
                reason: Some(fault.to_string()),
                ..FileReport::new(&file.name, Disposition::Left)
            }),
        }
    }
    Ok(reports)
}

/// A run's means, for the work on one file.
pub(crate) struct Intake<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) options: &'a IntakeOptions,
    /// Nanoseconds since 1970; dates answers.
    pub(crate) now: u64,
    /// Entries of the journal that may still be looked through for it.
    scans: Cell<u64>,
    /// Who has handed the message in; none for a file.
    pub(crate) caller: Option<Caller>,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(engine: &'a Engine, options: &'a IntakeOptions) -> Self {
        let scans = Cell::new(SCANNED_ENTRIES_MAX);
        Self { engine, options, now: (options.clock)(), scans, caller: None }
    }

    /// Whether so many more entries of the journal may be looked through.
    pub(crate) fn may_scan(&self, entries: u64) -> bool {
        let left = self.scans.get().checked_sub(entries);
        self.scans.set(left.unwrap_or(0));
        left.is_some()
    }
}

impl Intake<'_> {
    fn file(&self, file: &InboxFile) -> Result<FileReport, FilesError> {
        let source = Source::open(file, self.options.limits.file_bytes_max)?;
        if csv::is_csv(&file.name) {
            return csv::take(self, file, &source);
        }
        self.work(file, &source)
    }

    /// Works on a message to its answer.
    pub(crate) fn work(&self, file: &InboxFile, source: &Source) -> Result<FileReport, FilesError> {
        match check(source.reader()?, self.options.limits) {
            Ok(summary) => self.payments(file, source, &summary),
            Err(error) if error.code == ErrorCode::Io => {
                Err(FilesError::io(&file.path, "read")(io::Error::other(error.message)))
            }
            Err(error) if error.code == ErrorCode::WrongMessage => self.after(file, source),
            Err(error) => self.unreadable(file, source, &error),
        }
    }

    fn payments(
        &self,
        file: &InboxFile,
        source: &Source,
        summary: &FileSummary,
    ) -> Result<FileReport, FilesError> {
        let mut report = FileReport::new(&file.name, Disposition::Answered);
        let verdicts = if summary.refusals.is_empty() {
            let profile = Profile::of(&file.name, self.options.deadlines);
            let verdicts = self.clear((source, summary.transactions), profile, &mut report)?;
            waiting::note(self, source, &verdicts)?;
            self.note_message(source, summary)?;
            report.forwarded = match profile {
                Profile::Instant(_) => waiting::pass_on(self, source, &verdicts)?,
                _ => covers::pass_on(self, source, (summary.head.family(), &verdicts))?,
            };
            verdicts
        } else {
            report.reason = summary.refusals.first().map(|refusal| refusal.text.clone());
            reject_all(summary)
        };
        let (payments, kind) = match summary.head.family() {
            Family::Pain001 => (payment_sums(source, self.options.limits, &verdicts)?, "pain.002"),
            _ => (PaymentSums::default(), "pacs.002"),
        };
        let name = format!("{}.{kind}.xml", source.stem());
        let mut reader =
            TransferReader::new(source.reader()?, self.options.limits).map_err(|_| changed(source))?;
        let of = (&summary.head, summary.refusals.as_slice(), &payments);
        self.statuses_by_payment(&name, source, of, &verdicts, || {
            Ok(reader.next_transfer()?.map(|entry| match &entry {
                Entry::Transfer(transfer) => TransactionStatus::of(&transfer.details, Status::Pdng),
                Entry::Refused(refused) => TransactionStatus::of(&refused.details, Status::Pdng),
            }))
        })?;
        self.dispose(source, &self.options.work.archive())?;
        count(&mut report, &verdicts);
        report.message_type = Some(summary.head.message_type.identifier().to_owned());
        report.message_id = Some(summary.head.message_id.clone());
        report.answer = Some(name);
        Ok(report)
    }

    /// Notes whose message a file is, so that it can be named as a whole. A file that is left where it is can't be.
    fn note_message(&self, source: &Source, summary: &FileSummary) -> Result<(), FilesError> {
        if self.options.disposal == Disposal::Leave && self.caller.is_none() {
            return Ok(());
        }
        let mut reader =
            TransferReader::new(source.reader()?, self.options.limits).map_err(|_| changed(source))?;
        while let Some(entry) = reader.next_transfer().map_err(|_| changed(source))? {
            let Entry::Transfer(transfer) = &entry else { continue };
            let resolved = resolve(reader.head(), transfer, self.engine.directory());
            if let Ok(resolved) = resolved.and_then(|resolved| self.of_caller(resolved)) {
                let archived = format!("{}.xml", source.stem());
                let named = (summary.head.message_id.as_str(), archived.as_str());
                return messages::note(&self.options.work, resolved.participant, named);
            }
        }
        Ok(())
    }

    /// A message without payments: what comes after them, or one that asks for nothing.
    fn after(&self, file: &InboxFile, source: &Source) -> Result<FileReport, FilesError> {
        let worked = match self.message_of(source)?.map(MessageType::family) {
            Some(Family::Pacs004) => returns::take(self, file, source),
            Some(Family::Pacs010) => direct_debits::refuse_all(self, file, source),
            Some(Family::Pacs028) => requests::take(self, file, source),
            Some(Family::Camt056) => recalls::take(self, file, source),
            Some(Family::Camt055) => recalls::take_customers(self, file, source),
            Some(Family::Camt026 | Family::Camt028) => investigations::take(self, file, source),
            Some(Family::Pain013) => payment_requests::take(self, file, source),
            Some(Family::Pain014) => request_answers::take(self, file, source),
            Some(Family::Acmt023) => inquiries::verify(self, file, source),
            Some(Family::Admi004) => inquiries::acknowledge(self, file, source),
            Some(Family::Camt003) => inquiries::accounts::tell(self, file, source),
            Some(Family::Camt060) => inquiries::reports::tell(self, file, source),
            Some(Family::Camt029) => match answers::take(self, file, source) {
                Ok(None) => return self.other_message(file, source),
                Ok(Some(report)) => Ok(report),
                Err(fault) => Err(fault),
            },
            Some(Family::Pacs002) => match confirmations::take(self, file, source) {
                Ok(None) => return self.other_message(file, source),
                Ok(Some(report)) => Ok(report),
                Err(fault) => Err(fault),
            },
            _ => return self.other_message(file, source),
        };
        match worked {
            Err(AfterFault::Unreadable(error)) => self.unreadable(file, source, &error),
            Err(AfterFault::Files(fault)) => Err(fault),
            Ok(report) => Ok(report),
        }
    }

    /// The second pass: each payment is resolved and submitted, or refused here and never sequenced.
    fn clear(
        &self,
        (source, transactions): (&Source, u64),
        profile: Profile,
        report: &mut FileReport,
    ) -> Result<Verdicts, FilesError> {
        let usage = self.options.usage.of_file(self.engine, transactions);
        let mut clearing = Clearing::new(self.engine);
        let mut reader =
            TransferReader::new(source.reader()?, self.options.limits).map_err(|_| changed(source))?;
        let mut ids: Vec<(usize, String)> = Vec::new();
        while let Some(entry) = reader.next_transfer().map_err(|_| changed(source))? {
            let place = clearing.verdicts().reserve();
            let resolved = match &entry {
                Entry::Refused(refused) => Err(refused.refusal.clone()),
                Entry::Transfer(transfer) => {
                    if ids.len() < FIRST_IDS {
                        let id = transfer_id(reader.head(), &transfer.details, transfer.index);
                        ids.push((place, id.to_string()));
                    }
                    let resolved = resolve(reader.head(), transfer, self.engine.directory())
                        .and_then(|resolved| self.of_caller(resolved));
                    let marked = resolved.and_then(|mut resolved| {
                        profile.mark(reader.head(), transfer, &mut resolved.record).map(|()| resolved)
                    });
                    marked.and_then(|marked| usage.hold(self.engine, (reader.head(), transfer), marked))
                }
            };
            match resolved {
                Ok(resolved) => clearing.push(place, resolved)?,
                Err(refusal) => clearing.verdicts().reject(place, refusal),
            }
        }
        let verdicts = clearing.finish()?;
        source.check_unchanged()?;
        let is_cleared = |place: &usize| {
            verdicts.verdict(*place).is_some_and(|verdict| verdicts.status(verdict).0 == Status::Acsp)
        };
        report.first_cleared = ids.into_iter().find(|(place, _)| is_cleared(place)).map(|(_, id)| id);
        Ok(verdicts)
    }

    fn unreadable(
        &self,
        file: &InboxFile,
        source: &Source,
        error: &ReadError,
    ) -> Result<FileReport, FilesError> {
        let mut report = FileReport::new(&file.name, Disposition::Rejected);
        let message = self.message_of(source)?;
        // A reject is never answered by a reject, or two houses would send them for ever.
        if message.map(MessageType::family) != Some(Family::Admi002) {
            let name = format!("{}.admi.002.xml", source.stem());
            let reject = MessageReject::of(error, &date_time(self.now));
            self.answer(&name, |out| admi002(out, &reject))?;
            report.answer = Some(name);
        }
        if self.caller.is_none() {
            self.put_rejected(file, source, error)?;
        }
        report.message_type = message.map(|message| message.identifier().to_owned());
        report.message_id.clone_from(&error.reference);
        report.reason = Some(error.to_string());
        Ok(report)
    }

    /// Puts a file that can't be read aside, with its reason.
    pub(crate) fn put_rejected(
        &self,
        file: &InboxFile,
        source: &Source,
        error: &ReadError,
    ) -> Result<(), FilesError> {
        let rejected = self.options.work.rejected();
        let reason = rejected.join(format!("{}.{}.reason.txt", source.stem(), source.extension()));
        store::write_file(&reason, |out| out.write_all(reason_text(&file.name, error).as_bytes()))?;
        match self.options.disposal {
            Disposal::Move => self.dispose(source, &rejected)?,
            Disposal::Leave if file.bytes <= self.options.limits.file_bytes_max => {
                store::copy_file(
                    &file.path,
                    &rejected.join(format!("{}.{}", source.stem(), source.extension())),
                )?;
            }
            Disposal::Leave => {}
        }
        Ok(())
    }

    /// A message that is read here but asks for nothing; it must be valid all the same.
    fn other_message(&self, file: &InboxFile, source: &Source) -> Result<FileReport, FilesError> {
        let mut events = Events::new(source.reader()?, &self.options.limits);
        let mut message = None;
        loop {
            match events.next_event() {
                Ok(Event::Root(root)) => message = Some(root),
                Ok(Event::End) => break,
                Ok(_) => {}
                Err(error) => return self.unreadable(file, source, &error),
            }
        }
        self.dispose(source, &self.options.work.archive())?;
        let message_type = message.map(|message| message.identifier().to_owned());
        Ok(FileReport { message_type, ..FileReport::new(&file.name, Disposition::Noted) })
    }

    /// The type of a file that is not readable to its end, if it says one.
    pub(crate) fn message_of(&self, source: &Source) -> Result<Option<MessageType>, FilesError> {
        let mut events = Events::new(source.reader()?, &self.options.limits);
        loop {
            match events.next_event() {
                Ok(Event::Root(root)) if root.family() != Family::Head001 => return Ok(Some(root)),
                Ok(Event::End) | Err(_) => return Ok(None),
                Ok(_) => {}
            }
        }
    }

    /// A letter to a bank, into the outbox.
    pub(crate) fn post(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), FilesError> {
        mailbox::post(&self.options.work, name, write)
    }

    fn of_caller(&self, resolved: Resolved) -> Result<Resolved, Refusal> {
        self.check_caller(resolved.participant).map(|_| resolved)
    }

    pub(crate) fn dispose(&self, source: &Source, folder: &Path) -> Result<(), FilesError> {
        match self.options.disposal {
            // It is no file; whether it becomes one is told once it is answered.
            _ if self.caller.is_some() => Ok(()),
            Disposal::Move => {
                let name = format!("{}.{}", source.stem(), source.extension());
                store::move_file(source.path(), &folder.join(name))
            }
            Disposal::Leave => Ok(()),
        }
    }
}

/// Ids that are remembered to name one cleared payment of the file.
pub(crate) const FIRST_IDS: usize = 100;

/// What became of each payment information of a pain.001.
pub(crate) fn payment_sums(
    source: &Source,
    limits: Limits,
    verdicts: &Verdicts,
) -> Result<PaymentSums, FilesError> {
    let mut reader = TransferReader::new(source.reader()?, limits).map_err(|_| changed(source))?;
    let mut sums = PaymentSums::default();
    while let Some(entry) = reader.next_transfer().map_err(|_| changed(source))? {
        let details = match &entry {
            Entry::Transfer(transfer) => &transfer.details,
            Entry::Refused(refused) => &refused.details,
        };
        sums.add(details.payment_information_id.as_deref().unwrap_or(""), verdicts);
    }
    Ok(sums)
}

/// A file that is wrong as a whole: each of its transactions is rejected for the first reason.
pub(crate) fn reject_all(summary: &FileSummary) -> Verdicts {
    let mut verdicts = Verdicts::default();
    if let Some(refusal) = summary.refusals.first() {
        for _ in 0..summary.transactions {
            let place = verdicts.reserve();
            verdicts.reject(place, refusal.clone());
        }
    }
    verdicts
}

pub(crate) fn count(report: &mut FileReport, verdicts: &Verdicts) {
    let counts = verdicts.counts();
    report.status = Some(group_status(&counts.keys().map(|(status, _)| *status)).as_str().to_owned());
    report.duplicates = verdicts.duplicates;
    for ((status, code), number) in counts {
        report.transactions += number;
        match (status, code) {
            (Status::Rjct, code) => {
                let code = code.map_or("NARR", |code| code.as_str());
                *report.rejected.entry(code.to_owned()).or_insert(0) += number;
            }
            (Status::Pdng, _) => report.pending += number,
            _ => report.accepted += number,
        }
    }
}

/// What lies beside a rejected file, for a person.
fn reason_text(name: &str, error: &ReadError) -> String {
    let mut text = format!("{name} can't be read\n\n");
    let path = if error.path.is_empty() { "the file" } else { &error.path };
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "fault      {} ({:?})\nelement    {path}\nbyte       {}\nreason     {}\nreference  {}\n",
        error.code.number(),
        error.code,
        error.position,
        error.message,
        error.reference.as_deref().unwrap_or("none"),
    );
    text
}
