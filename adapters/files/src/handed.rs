//! One message that a participant hands in by itself, over a connection on which it has proven who it is. It is worked on as a
//! file of the inbox is, by the same code, with three differences: whoever has handed it in is its sender and nobody else (I7);
//! its answer goes back over the connection and not into the outbox; and what can't be read, or only asks, leaves no file.
//! Messages to other banks go into the outbox as ever ([`crate::mailbox`]).

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::events::{Event, Events};
use feiqian_iso20022::{Family, Limits, MessageType};
use feiqian_runtime::pipeline::Engine;

use crate::after::original::bic_of;
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::intake::{Intake, IntakeOptions};
use crate::report::{Disposition, FileReport};
use crate::source::Source;
use crate::store;

/// How the payments of a message are paid: what a folder of the inbox says of a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Handling {
    /// At once, or rejected.
    #[default]
    Plain,
    /// Once the bank that is to be paid has confirmed, as of `inbox/instant/`.
    Instant,
    /// Once there are funds, as of `inbox/queued/`.
    Queued,
}

/// A message as it was handed in.
#[derive(Clone, Debug)]
pub struct Handed {
    /// Who has proven to have sent it.
    pub by: ParticipantHandle,
    /// The message, XML.
    pub text: Vec<u8>,
    /// How its payments are paid.
    pub handling: Handling,
}

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// What a file of the inbox would be reported as.
    pub report: FileReport,
    /// The answer, XML; none where none is due.
    pub answer: Option<Vec<u8>>,
}

/// Takes in one message. Blocks until all is decided: call it from a plain thread, not from an async runtime. The same message
/// of the same bank again is answered the same, dated anew.
///
/// # Errors
/// [`FilesError`] of the engine, the journal and the disk; whatever is wrong with the message is answered.
pub fn take(engine: &Engine, options: &IntakeOptions, handed: Handed) -> Result<Taken, FilesError> {
    let unknown = || FilesError::Unknown("who has handed a message in takes no part".to_owned());
    let bic = bic_of(engine, handed.by).ok_or_else(unknown)?;
    let folder = match handed.handling {
        Handling::Plain => "",
        Handling::Instant => "instant/",
        Handling::Queued => "queued/",
    };
    let file = InboxFile {
        name: format!("{folder}http-{bic}.xml"),
        path: PathBuf::from("-"),
        bytes: handed.text.len() as u64,
    };
    let source = Source::of_bytes(&file.name, handed.text)?;
    let intake = Intake::for_caller(engine, options, handed.by);
    let report = intake.work(&file, &source)?;
    if is_kept(&report) {
        let kept = options.work.archive().join(format!("{}.xml", source.stem()));
        let mut input = source.reader()?;
        store::write_file(&kept, |out| io::copy(&mut input, out).map(drop))?;
    }
    Ok(Taken { report, answer: intake.answered() })
}

/// Whether a message asks for something besides payments: what is looked up for it is bounded, and may take a while.
#[must_use]
pub fn is_of_payments(text: &[u8], limits: &Limits) -> bool {
    let mut events = Events::new(text, limits);
    loop {
        match events.next_event() {
            Ok(Event::Root(root)) if root.family() != Family::Head001 => {
                return matches!(root.family(), Family::Pacs008 | Family::Pacs009 | Family::Pain001);
            }
            Ok(Event::End) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// Whether a message stays in `archive/`: it may be named by later ones, or something was done because of it.
fn is_kept(report: &FileReport) -> bool {
    let family = report.message_type.as_deref().and_then(MessageType::parse).map(MessageType::family);
    let only_asks = matches!(
        family,
        Some(Family::Pacs028 | Family::Acmt023 | Family::Admi004 | Family::Camt003 | Family::Camt060)
    );
    !only_asks && (report.disposition == Disposition::Answered || report.forwarded > 0)
}

/// Who has handed a message in, and what it is answered with.
pub(crate) struct Caller {
    participant: ParticipantHandle,
    answer: RefCell<Option<Vec<u8>>>,
}

impl<'a> Intake<'a> {
    fn for_caller(engine: &'a Engine, options: &'a IntakeOptions, participant: ParticipantHandle) -> Self {
        let mut intake = Self::new(engine, options);
        intake.caller = Some(Caller { participant, answer: RefCell::new(None) });
        intake
    }
}

impl Intake<'_> {
    /// Who has proven to have sent the message; none for a file, whose sender the channel vouches for.
    pub(crate) fn caller(&self) -> Option<ParticipantHandle> {
        self.caller.as_ref().map(|caller| caller.participant)
    }

    /// Answers the message: into the outbox, or to who has handed it in.
    pub(crate) fn answer(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), FilesError> {
        let Some(caller) = &self.caller else {
            return store::write_file(&self.options.work.outbox().join(name), |out| write(out));
        };
        let mut text = Vec::new();
        write(&mut text).map_err(FilesError::io(Path::new(name), "write"))?;
        caller.answer.replace(Some(text));
        Ok(())
    }

    fn answered(self) -> Option<Vec<u8>> {
        self.caller.and_then(|caller| caller.answer.into_inner())
    }
}
