//! Where participants register webhooks of their own, list them, remove them and have them tell again: each its own alone,
//! under the addresses that the operator has named for it, as many as the operator says. What is registered is durable
//! before it is answered, and told like the operator's targets; whoever registers is told the secret once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use feiqian_core::bic::Bic;
use parking_lot::Mutex as Short;

use super::book::{Book, BookFault, Registration, folder, read};
use super::place::{PlaceFault, ask_replay, forget, read_place};
use super::prefix::Prefix;
use super::secret::{SALT_BYTES, Secret};
use super::target::{Enrolment, EventKind, Hosts, Target, TargetFault};
use super::{Gone, Run, Tell, Telling, Told, WebhookFault, What};

/// Where participants may have themselves told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeskOptions {
    /// Hosts that may be told at all.
    pub hosts: Hosts,
    /// Beginnings of addresses under which each participant may register; who is not here may register none.
    pub prefixes: BTreeMap<Bic, Vec<Prefix>>,
    /// Webhooks of each participant at the most.
    pub each_max: usize,
}

impl DeskOptions {
    /// How many may be registered, by all of them together.
    pub(super) fn places(&self) -> usize {
        self.prefixes.len().saturating_mul(self.each_max)
    }
}

/// What a participant asks to be told, and where.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) kinds: Vec<EventKind>,
    /// Sequence of the first event; none for from now on.
    pub(crate) from: Option<u64>,
}

/// Why something is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The address, or the name.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// The operator has named no such address for this participant.
    #[error(
        "the operator allows this participant no webhook at this address: it names beginnings of addresses"
    )]
    NotAllowed,
    /// Nobody would be believed.
    #[error("the operator has no roots by which the receiver's certificate could be checked")]
    NoRoots,
    /// There is one of this name.
    #[error("there is a webhook of this name; remove it first")]
    Taken,
    /// There are as many as may be.
    #[error("the participant has as many webhooks as it may: {0}")]
    Full(usize),
    /// Those that were removed have a request under way.
    #[error("webhooks that were removed have not ended yet")]
    Leaving,
    /// It is none of the participant's.
    #[error("there is no such webhook of the caller's")]
    Absent,
    /// It would not be set back.
    #[error("what is told next is {0}: from there on at the latest, or events would be left out")]
    Ahead(u64),
    /// The house is closing.
    #[error("the clearing house is shutting down")]
    Closed,
    /// Files, threads or randomness.
    #[error("{0}")]
    Fault(String),
}

impl From<BookFault> for Refused {
    fn from(fault: BookFault) -> Self {
        Self::Fault(fault.to_string())
    }
}

/// A webhook as its participant sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) registration: Registration,
    /// Sequence of the last event that was told; 0 before the first.
    pub(crate) delivered: u64,
    /// Where it goes on.
    pub(crate) next: u64,
    pub(crate) standing: Standing,
    /// What is wrong with its receiver, while it is.
    pub(crate) wrong: Option<String>,
}

/// Whether a webhook is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It is.
    Told,
    /// Its receiver has said that it is gone.
    Stopped,
    /// Its address is not allowed any more, or can't be told.
    Barred,
}

/// Where participants register.
#[derive(Debug)]
pub struct Desk {
    telling: Arc<Telling>,
    options: DeskOptions,
    directory: PathBuf,
    /// Held while the list is written, on threads that may wait: only other registrations wait for it.
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    book: Book,
    /// Those that are told, by number.
    runs: BTreeMap<u64, Running>,
    /// Those that were removed and have a request under way, by participant.
    leaving: Vec<(Bic, Receiver<()>)>,
    is_closed: bool,
}

#[derive(Debug)]
struct Running {
    run: Run,
    /// What was told last of what is wrong.
    wrong: Arc<Short<Option<String>>>,
}

impl Desk {
    /// Goes on telling what is registered.
    pub(super) fn open(
        telling: Arc<Telling>,
        directory: &Path,
        options: &DeskOptions,
    ) -> Result<Self, WebhookFault> {
        let book = read(directory)?;
        book.sweep(directory)?;
        let inside = Inside { book, runs: BTreeMap::new(), leaving: Vec::new(), is_closed: false };
        let desk = Self {
            telling,
            options: options.clone(),
            directory: directory.to_owned(),
            inside: Mutex::new(inside),
        };
        desk.go_on();
        Ok(desk)
    }

    /// What may not be told any more is left out: one participant's address keeps nobody else from being served.
    fn go_on(&self) {
        let mut inside = self.inside();
        for registration in inside.book.webhooks.clone() {
            match self.start(&registration, None) {
                Ok(running) => drop(inside.runs.insert(registration.number, running)),
                Err(refused) => {
                    let target = format!("{}/{}", registration.participant, registration.name);
                    let what = What::Fault(format!("it is not told: {refused}"));
                    (self.telling.tell)(&Told { target, what });
                }
            }
        }
    }

    /// Registers; gives what is seen of it and its secret, which is told this once.
    pub(crate) fn register(&self, participant: Bic, asked: &Asked) -> Result<(Seen, String), Refused> {
        let mut inside = self.inside();
        self.check_room(&mut inside, participant, &asked.name)?;
        self.target(participant, (&asked.name, &asked.url), &asked.kinds)?;
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)
            .map_err(|_| Refused::Fault("the system gives no randomness".to_owned()))?;
        let named = (participant, asked.name.as_str());
        let (book, registration) = inside.book.with(named, (&asked.url, &asked.kinds), &salt);
        book.write(&self.directory)?;
        inside.book = book;
        let number = registration.number;
        match self.start(&registration, asked.from) {
            Ok(running) => drop(inside.runs.insert(number, running)),
            Err(refused) => {
                self.strike(&mut inside, number)?;
                return Err(refused);
            }
        }
        let secret = Secret::of(&self.telling.key, &salt).text();
        Ok((self.see(&inside, &registration)?, secret))
    }

    /// Those of a participant, or of all, by number.
    pub(crate) fn list(&self, participant: Option<Bic>) -> Result<Vec<Seen>, Refused> {
        let inside = self.inside();
        let is_asked = |one: &&Registration| participant.is_none() || one.bic() == participant;
        inside.book.webhooks.iter().filter(is_asked).map(|one| self.see(&inside, one)).collect()
    }

    /// Tells it nothing more, and forgets it.
    pub(crate) fn remove(&self, participant: Bic, name: &str) -> Result<(), Refused> {
        let mut inside = self.inside();
        let number = inside.book.named(participant, name).ok_or(Refused::Absent)?.number;
        self.strike(&mut inside, number)?;
        match inside.runs.remove(&number) {
            Some(Running { run, .. }) => {
                // It has ended by itself where nobody listens.
                let _ = run.stop.send(Gone);
                inside.leaving.push((participant, run.ended));
            }
            None => forget(&folder(&self.directory), &number.to_string()).map_err(place_refused)?,
        }
        Ok(())
    }

    /// Has everything from a sequence on told again; also what sets one going that has said that it is gone.
    pub(crate) fn replay(&self, participant: Bic, name: &str, from: u64) -> Result<Seen, Refused> {
        let from = from.max(1);
        let inside = self.inside();
        let one = inside.book.named(participant, name).ok_or(Refused::Absent)?;
        ask_replay(&folder(&self.directory), &one.number.to_string(), from).map_err(place_refused)?;
        let seen = self.see(&inside, one)?;
        let standing = if seen.standing == Standing::Barred { Standing::Barred } else { Standing::Told };
        // As it is once the thread that tells has seen it, in a moment.
        Ok(Seen { delivered: seen.delivered.min(from - 1), next: from, standing, wrong: None, ..seen })
    }

    /// Stops; gives those that were told.
    pub(super) fn close(&self) -> Vec<Run> {
        let mut inside = self.inside();
        inside.is_closed = true;
        std::mem::take(&mut inside.runs).into_values().map(|running| running.run).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing in it is ever half changed: the list is replaced as a whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_room(&self, inside: &mut Inside, participant: Bic, name: &str) -> Result<(), Refused> {
        if inside.is_closed {
            return Err(Refused::Closed);
        }
        if inside.book.named(participant, name).is_some() {
            return Err(Refused::Taken);
        }
        let (own, most) = (inside.book.of(participant).count(), self.options.each_max);
        if own >= most {
            return Err(Refused::Full(most));
        }
        inside.leaving.retain(|(_, ended)| ended.try_recv() != Err(TryRecvError::Disconnected));
        let leaving = inside.leaving.iter().filter(|(of, _)| *of == participant).count();
        // So that whoever registers and removes over and over holds no more threads than twice what it may have.
        if leaving >= most { Err(Refused::Leaving) } else { Ok(()) }
    }

    /// The target, if the operator allows it now.
    fn target(
        &self,
        participant: Bic,
        (name, url): (&str, &str),
        kinds: &[EventKind],
    ) -> Result<Target, Refused> {
        let prefixes = self.options.prefixes.get(&participant).ok_or(Refused::NotAllowed)?;
        let target = Target::new((name, participant), (url, &self.options.hosts), kinds.to_vec());
        let target = target.map_err(|fault| match fault {
            // Which hosts others are told at is nobody else's to find out.
            TargetFault::Host { .. } | TargetFault::NotPublic { .. } => Refused::NotAllowed,
            other => Refused::Target(other),
        })?;
        if !prefixes.iter().any(|prefix| prefix.covers(&target.url)) {
            return Err(Refused::NotAllowed);
        }
        if target.is_encrypted() && !self.telling.has_roots { Err(Refused::NoRoots) } else { Ok(target) }
    }

    fn start(&self, registration: &Registration, from: Option<u64>) -> Result<Running, Refused> {
        let damaged = || Refused::Fault("not as it was registered".to_owned());
        let participant = registration.bic().ok_or_else(damaged)?;
        let salt = registration.salt().ok_or_else(damaged)?;
        let target =
            self.target(participant, (&registration.name, &registration.url), &registration.kinds)?;
        let target = target.registered(Enrolment { number: registration.number, slot: registration.slot });
        let folder = folder(&self.directory);
        if let Some(from) = from {
            ask_replay(&folder, &target.file_name(), from).map_err(place_refused)?;
        }
        let wrong = Arc::default();
        let tell = self.told(&wrong);
        let secret = Secret::of(&self.telling.key, &salt);
        let delivery =
            self.telling.prepare(&target, &folder, (Some(secret), tell)).map_err(|found| fault(&found))?;
        let run = self.telling.start(&target, delivery).map_err(|found| fault(&found))?;
        Ok(Running { run, wrong })
    }

    /// What the operator is told the participant sees too, but for what is wrong in this house.
    fn told(&self, wrong: &Arc<Short<Option<String>>>) -> Tell {
        let (tell, wrong) = (Arc::clone(&self.telling.tell), Arc::clone(wrong));
        Arc::new(move |told: &Told| {
            *wrong.lock() = match &told.what {
                What::Failing(failure) => Some(failure.to_string()),
                What::Gone => Some("it answers 410 Gone, and is told nothing more until a replay".to_owned()),
                What::Fault(_) => Some("the operator has to look into it".to_owned()),
                What::Recovered | What::Replay(_) => None,
            };
            tell(told);
        })
    }

    fn strike(&self, inside: &mut Inside, number: u64) -> Result<(), Refused> {
        let book = inside.book.without(number);
        book.write(&self.directory)?;
        inside.book = book;
        Ok(())
    }

    fn see(&self, inside: &Inside, registration: &Registration) -> Result<Seen, Refused> {
        let number = registration.number;
        let place = read_place(&folder(&self.directory), &number.to_string()).map_err(place_refused)?;
        let running = inside.runs.get(&number);
        let standing = match (running, place) {
            (None, _) => Standing::Barred,
            (Some(_), Some(place)) if place.is_stopped => Standing::Stopped,
            _ => Standing::Told,
        };
        Ok(Seen {
            registration: registration.clone(),
            delivered: place.map_or(0, |place| place.delivered),
            next: place.map_or(1, |place| place.done + 1),
            standing,
            wrong: running.and_then(|running| running.wrong.lock().clone()),
        })
    }
}

fn place_refused(fault: PlaceFault) -> Refused {
    match fault {
        PlaceFault::Ahead { next, .. } => Refused::Ahead(next),
        other => Refused::Fault(other.to_string()),
    }
}

fn fault(fault: &WebhookFault) -> Refused {
    Refused::Fault(fault.to_string())
}
