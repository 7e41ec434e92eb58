//! What happens to a CSV file of the inbox.
//!
//! ```text
//! read all ──┬─ no table of payments ─▶ result with one line, RJCT ─▶ rejected/ with its reason
//!            └─ read again: resolve, submit, wait ─▶ read again: result, a line for each ─▶ archive/
//! ```
//! As with messages the file leaves the inbox last: after a crash it is read again, its lines have the same ids, the engine
//! answers what it has with the first outcome, and the result is the same to the byte.

use std::io::{self, BufRead};

use feiqian_iso20022::codes::{self, Status};
use feiqian_iso20022::payment::Refusal;
use feiqian_iso20022::{ErrorCode, ReadError};

use super::reading::{CsvReader, Line};
use super::results::{ResultLine, begin, write};
use crate::answer::changed;
use crate::clearing::Clearing;
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::{FIRST_IDS, Intake, count};
use crate::profile::Profile;
use crate::report::{Disposition, FileReport};
use crate::resolve::resolve;
use crate::source::Source;
use crate::status::Verdicts;
use crate::store;

/// Whether a file is one of these, by its name.
pub(crate) fn is_csv(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".csv")
}

/// Takes in a CSV file.
///
/// # Errors
/// [`FilesError`]: the file stays for the next run.
pub(crate) fn take(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, FilesError> {
    let table = Table { intake, file, source, content: source.content()? };
    match table.read_all()? {
        Ok(()) => table.answer(),
        Err(error) if error.code == ErrorCode::Io => {
            Err(FilesError::io(source.path(), "read")(io::Error::other(error.message)))
        }
        Err(error) => table.refuse(&error),
    }
}

/// A file that is worked on.
struct Table<'a> {
    intake: &'a Intake<'a>,
    file: &'a InboxFile,
    source: &'a Source,
    /// Digest of its content.
    content: [u8; 32],
}

impl<'a> Table<'a> {
    fn reader(&self) -> Result<Result<CsvReader<Box<dyn BufRead + 'a>>, ReadError>, FilesError> {
        Ok(CsvReader::new(self.source.reader()?, self.intake.options.limits, self.content))
    }

    fn read_all(&self) -> Result<Result<(), ReadError>, FilesError> {
        let mut reader = match self.reader()? {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            match reader.next_line() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn answer(&self) -> Result<FileReport, FilesError> {
        let mut report = self.report(Disposition::Answered);
        let verdicts = self.clear(&mut report)?;
        let name = self.result_name();
        let mut reader = self.reader()?.map_err(|_| changed(self.source))?;
        store::write_file(&self.intake.options.work.outbox().join(&name), |out| {
            begin(out)?;
            let mut place = 0;
            while let Some(line) = reader.next_line().map_err(io::Error::other)? {
                write_result(out, &line, &verdicts, place)?;
                place += 1;
            }
            Ok(())
        })?;
        self.intake.dispose(self.source, &self.intake.options.work.archive())?;
        count(&mut report, &verdicts);
        report.answer = Some(name);
        Ok(report)
    }

    fn report(&self, disposition: Disposition) -> FileReport {
        FileReport { message_type: Some("csv".to_owned()), ..FileReport::new(&self.file.name, disposition) }
    }

    fn result_name(&self) -> String {
        format!("{}.result.csv", self.source.stem())
    }

    /// Each line is resolved and submitted, or refused here and never sequenced.
    fn clear(&self, report: &mut FileReport) -> Result<Verdicts, FilesError> {
        let profile = Profile::of(&self.file.name, self.intake.options.deadlines);
        let engine = self.intake.engine;
        // Each line stands for itself.
        let usage = self.intake.options.usage.of_file(engine, 1);
        let mut clearing = Clearing::new(engine);
        let mut reader = self.reader()?.map_err(|_| changed(self.source))?;
        let mut ids = Vec::new();
        while let Some(line) = reader.next_line().map_err(|_| changed(self.source))? {
            let place = clearing.verdicts().reserve();
            if ids.len() < FIRST_IDS {
                ids.push((place, line.uetr));
            }
            let checked = line.payment.and_then(|payment| check_profile(profile).map(|()| payment));
            let held = checked.and_then(|payment| {
                let (head, transfer) = *payment;
                let resolved = resolve(&head, &transfer, engine.directory())?;
                usage.hold_line(engine, &transfer, resolved)
            });
            match held {
                Ok(resolved) => clearing.push(place, resolved)?,
                Err(refusal) => clearing.verdicts().reject(place, refusal),
            }
        }
        let verdicts = clearing.finish()?;
        self.source.check_unchanged()?;
        let is_cleared =
            |place| verdicts.verdict(place).is_some_and(|verdict| verdicts.status(verdict).0 == Status::Acsp);
        let first = ids.into_iter().find(|(place, _)| is_cleared(*place));
        report.first_cleared = first.map(|(_, id)| id.to_string());
        Ok(verdicts)
    }

    /// A file that is no table of payments: none of it has been submitted.
    fn refuse(&self, error: &ReadError) -> Result<FileReport, FilesError> {
        let name = self.result_name();
        let text = format!("{}: {}; nothing of the file was paid", error.path, error.message);
        store::write_file(&self.intake.options.work.outbox().join(&name), |out| {
            begin(out)?;
            let line = ResultLine {
                status: Status::Rjct.as_str(),
                reason: codes::FF01.as_str(),
                text: &text,
                ..ResultLine::default()
            };
            write(out, &line)
        })?;
        self.intake.put_rejected(self.file, self.source, error)?;
        let mut report = self.report(Disposition::Rejected);
        report.answer = Some(name);
        report.reason = Some(format!("{}: {}", error.path, error.message));
        Ok(report)
    }
}

/// What waits is answered twice, and a result once.
fn check_profile(profile: Profile) -> Result<(), Refusal> {
    match profile {
        Profile::Plain => Ok(()),
        Profile::Instant(_) | Profile::Queued(_) => {
            let text = "lines of a table are paid at once or rejected; send a pacs.008 here".to_owned();
            Err(Refusal { code: codes::AG03, text })
        }
    }
}

fn write_result(out: &mut impl io::Write, line: &Line, verdicts: &Verdicts, place: usize) -> io::Result<()> {
    let verdict = verdicts.verdict(place);
    let (status, refusal) = verdict.map_or((Status::Pdng, None), |verdict| verdicts.status(verdict));
    let sequence = verdict.and_then(|verdict| verdict.sequence()).map(|number| number.to_string());
    let text = refusal.as_ref().map_or_else(String::new, |refusal| text_of(refusal, line.is_id_derived));
    let result = ResultLine {
        number: line.number,
        uetr: &line.uetr.to_string(),
        end_to_end_id: &line.end_to_end_id,
        status: status.as_str(),
        reason: refusal.as_ref().map_or("", |refusal| refusal.code.as_str()),
        text: &text,
        clearing_reference: sequence.as_deref().unwrap_or(""),
    };
    write(out, &result)
}

/// Who corrects a line and sends the whole file once more has changed the derived ids of all others: they would be paid again.
fn text_of(refusal: &Refusal, is_id_derived: bool) -> String {
    match is_id_derived {
        true => format!("{}; send the corrected lines alone, or the others are paid again", refusal.text),
        false => refusal.text.clone(),
    }
}
