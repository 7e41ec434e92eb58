//! Webhooks: the events that a participant may stream, sent to addresses that the operator has named, in order, each at least
//! once. Off the way of transfers: every target has a thread that gives way to all others, reads what is sealed, and waits
//! for its own receiver alone.
//!
//! ```text
//!  journal, outcomes ─▶ feed ─▶ batch ─▶ place written ─▶ signed POST ─▶ 2xx: place written, the next
//!                                              ▲               ├─▶ 410: stopped, until a replay
//!                                              └── waits ◀─────┘ anything else
//! ```
//!
//! Reading order: [`target`] (to whom, and to whom never), [`prefix`] (where participants may have themselves told),
//! `reach.rs` (where a name may lead), [`place`] (what is remembered), `batch.rs`, `secret.rs`, `post.rs`, `delivery.rs` (the
//! loop), `book.rs` and [`desk`] (what participants register). Holds no rule of clearing, and answers nobody.

mod batch;
pub mod book;
mod delivery;
pub mod desk;
mod meter;
pub mod place;
mod post;
pub mod prefix;
mod reach;
mod secret;
pub mod target;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use feiqian_core::bic::Bic;
use feiqian_identity::tls::{TlsFault, certificates};
use feiqian_identity::{Role, Roles};
use feiqian_proof::signature::SigningKey;
use feiqian_runtime::pipeline::Engine;
use ureq::tls::Certificate;

use crate::caller::Asker;
use crate::limits::WEBHOOK_STOP_WAIT;
use book::BookFault;
use delivery::Delivery;
use desk::{Desk, DeskOptions};
use place::{Keeper, PlaceFault};
use post::{Failure, Poster};
use secret::Secret;
use target::{Target, TargetFault};

pub use crate::limits::WEBHOOK_TARGETS_MAX;

/// Who is told, and how.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// To whom events go, at most [`WEBHOOK_TARGETS_MAX`] with those that participants may register.
    pub targets: Vec<Target>,
    /// Where participants may have themselves told.
    pub desk: DeskOptions,
    /// Where places are kept: a directory of its own.
    pub directory: PathBuf,
    /// The roots of receivers' certificates (PEM); none where all are on this machine and not encrypted.
    pub roots: Option<PathBuf>,
    /// From the look-up of a name to the end of its answer.
    pub timeout: Duration,
    /// How long to wait after a request that was not taken.
    pub retry: Retry,
}

/// How long to wait after requests that were not taken: twice as long after each, from half to all of it at random, so that
/// receivers that were down are not asked by all targets at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// After the first.
    pub first: Duration,
    /// At the most.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first: Duration::from_secs(2), most: Duration::from_secs(300) }
    }
}

impl Retry {
    /// The pause after so many failures in a row. Without randomness all of it.
    fn pause(self, failures: u32) -> Duration {
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).and_then(|by| self.first.checked_mul(by));
        let whole = doubled.unwrap_or(self.most).min(self.most);
        let mut bytes = [u8::MAX; 2];
        let _ = getrandom::fill(&mut bytes);
        whole / 2 + (whole / 2).mul_f64(f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX))
    }
}

/// Why webhooks can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum WebhookFault {
    /// A target can't be told.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// Two targets have one name, and would have one place.
    #[error("two webhooks are called {0}")]
    Twice(String),
    /// More than may be.
    #[error(
        "more than {WEBHOOK_TARGETS_MAX} webhooks, those counted in that participants may register (registered_max of each under \
         registered)"
    )]
    TooMany,
    /// Its events would be nobody's.
    #[error("webhook {name}: {participant} is no participant")]
    NoParticipant {
        /// The target's name.
        name: String,
        /// Who is none.
        participant: Bic,
    },
    /// Nobody would be believed.
    #[error(
        "webhook {0}: an https url needs roots in [webhooks], such as /etc/ssl/certs/ca-certificates.crt"
    )]
    NoRoots(String),
    /// The roots can't be read.
    #[error("roots in [webhooks]: {0}")]
    Roots(#[from] TlsFault),
    /// What participants have registered can't be read.
    #[error(transparent)]
    Book(#[from] BookFault),
    /// A place can't be kept.
    #[error("webhook {name}: {fault}")]
    Place {
        /// The target's name.
        name: String,
        /// Why.
        fault: PlaceFault,
    },
    /// The system gives no thread.
    #[error("no thread for webhook {name}: {source}")]
    Thread {
        /// The target's name.
        name: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What the operator is to know of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its name.
    pub target: String,
    /// What has happened.
    pub what: What,
}

/// What has happened to a target: told once while it lasts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A request was not taken; it is sent again and again.
    Failing(Failure),
    /// Requests are taken again.
    Recovered,
    /// The receiver has answered 410: it is told nothing more.
    Gone,
    /// The place was set back to this sequence.
    Replay(u64),
    /// Something here is wrong; it is tried again.
    Fault(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing(failure) => write!(f, "{failure}; its events wait, and are sent again"),
            Self::Recovered => f.write_str("it takes its events again"),
            Self::Gone => f.write_str(
                "it answers 410 Gone, and is told nothing more until `feiqian webhooks replay NAME --from SEQUENCE`",
            ),
            Self::Replay(from) => write!(f, "everything from {from} on is told again"),
            Self::Fault(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook {}: {}", self.target, self.what)
    }
}

/// Gets what the operator is to know, on the threads of the targets.
pub type Tell = Arc<dyn Fn(&Told) + Send + Sync>;

/// Said to one that is gone for good: its place goes too.
struct Gone;

/// One that is told, on a thread of its own. Stopped when dropped.
struct Run {
    stop: Sender<Gone>,
    /// Is cut off once its thread has ended.
    ended: Receiver<()>,
}

/// What all have in common that are told.
struct Telling {
    engine: Engine,
    /// The operator's, which signs.
    key: SigningKey,
    roots: Vec<Certificate<'static>>,
    has_roots: bool,
    timeout: Duration,
    retry: Retry,
    tell: Tell,
}

impl fmt::Debug for Telling {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telling")
    }
}

impl Telling {
    /// Finds out where a target is to be told from on; tells nothing yet.
    fn prepare(
        &self,
        target: &Target,
        directory: &Path,
        (secret, tell): (Option<Secret>, Tell),
    ) -> Result<Delivery, WebhookFault> {
        let (name, participant) = (target.shown(), target.participant());
        let Some(handle) = self.engine.directory().participant(participant) else {
            return Err(WebhookFault::NoParticipant { name, participant });
        };
        // It sees what a stream of the participant's would show.
        let asker = Asker { participant: Some(handle), roles: Roles::of(&[Role::Viewer]) };
        let durable = self.engine.archive().journal.durable();
        let keeper = Keeper::open(directory, &target.file_name(), durable);
        let keeper = keeper.map_err(|fault| WebhookFault::Place { name, fault })?;
        let poster = Poster::new(target.clone(), (&self.key, secret), (&self.roots, self.timeout));
        let parts = (target.clone(), poster, keeper);
        Ok(Delivery::new((self.engine.clone(), asker), parts, (self.retry, tell)))
    }

    /// From now on it is told.
    fn start(&self, target: &Target, delivery: Delivery) -> Result<Run, WebhookFault> {
        let (stop, stopped) = channel();
        let (over, ended) = channel();
        let run = move || {
            delivery.run(&stopped);
            drop(over);
        };
        let thread = std::thread::Builder::new().name(format!("hook-{}", target.name())).spawn(run);
        let fault = |source| WebhookFault::Thread { name: target.shown(), source };
        drop(thread.map_err(fault)?);
        Ok(Run { stop, ended })
    }
}

/// Waits until these have ended, each of which was stopped, or until then.
fn wait(ended: &[Receiver<()>], until: Instant) {
    for one in ended {
        // Nobody sends: it is cut off, or the time is over.
        let _ = one.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// The targets that are told.
#[derive(Debug)]
pub struct Webhooks {
    runs: Vec<Run>,
    desk: Arc<Desk>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Run")
    }
}

impl Webhooks {
    /// Begins to tell every target where it was left; a new one from now on. Requests are signed with `key`, the operator's.
    /// What a participant has registered and may no more, or what can't be told, is left out, and `tell` is told.
    ///
    /// # Errors
    /// [`WebhookFault`]; then nobody is told.
    pub fn start(
        engine: &Engine,
        key: &SigningKey,
        options: &WebhookOptions,
        tell: &Tell,
    ) -> Result<Self, WebhookFault> {
        let telling = Arc::new(Telling {
            engine: engine.clone(),
            key: key.clone(),
            roots: options.read_roots()?,
            has_roots: options.roots.is_some(),
            timeout: options.timeout,
            retry: options.retry,
            tell: Arc::clone(tell),
        });
        let prepared: Vec<_> = options
            .targets
            .iter()
            .map(|target| telling.prepare(target, &options.directory, (None, Arc::clone(tell))))
            .collect::<Result<_, _>>()?;
        let desk = Desk::open(Arc::clone(&telling), &options.directory, &options.desk)?;
        let runs = prepared.into_iter().zip(&options.targets);
        let runs =
            runs.map(|(delivery, target)| telling.start(target, delivery)).collect::<Result<_, _>>()?;
        Ok(Self { runs, desk: Arc::new(desk) })
    }

    /// Where participants register.
    #[must_use]
    pub fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// Stops, and waits a little for requests that are under way; those that take longer are left to the end of the process,
    /// and sent again by the next start.
    pub fn stop(self) {
        let runs = self.runs.into_iter().chain(self.desk.close());
        let ended: Vec<_> = runs.map(|Run { stop, ended }| (drop(stop), ended).1).collect();
        wait(&ended, Instant::now() + WEBHOOK_STOP_WAIT);
    }
}

impl WebhookOptions {
    /// Finds what is wrong with them without an engine.
    ///
    /// # Errors
    /// [`WebhookFault`].
    pub fn check(&self) -> Result<(), WebhookFault> {
        self.read_roots().map(drop)
    }

    fn read_roots(&self) -> Result<Vec<Certificate<'static>>, WebhookFault> {
        if self.targets.len() + self.desk.places() > WEBHOOK_TARGETS_MAX {
            return Err(WebhookFault::TooMany);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.targets.iter().find(|target| !names.insert(target.name())) {
            return Err(WebhookFault::Twice(twice.name().to_owned()));
        }
        match (&self.roots, self.targets.iter().find(|target| target.is_encrypted())) {
            (Some(file), _) => {
                let all = certificates(file)?;
                Ok(all.iter().map(|one| Certificate::from_der(one).to_owned()).collect())
            }
            (None, Some(target)) => Err(WebhookFault::NoRoots(target.name().to_owned())),
            (None, None) => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_are_not_all_alike() {
        let retry = Retry::default();
        let bounds = [
            (1, 1, 2),
            (2, 2, 4),
            (5, 16, 32),
            (8, 128, 256),
            (9, 150, 300),
            (33, 150, 300),
            (u32::MAX, 150, 300),
        ];
        for (failures, least, most) in bounds {
            let pause = retry.pause(failures);
            let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
            assert!((least..=most).contains(&pause), "{failures}: {pause:?}");
        }
        let pauses: BTreeSet<_> = (0..32).map(|_| retry.pause(9)).collect();
        assert!(pauses.len() > 16, "{pauses:?}");
    }
}
