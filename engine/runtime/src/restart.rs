//! What a start gives the frames to that it has executed again: alone, one step after the other, as simulation does it;
//! or to threads beside it, one that seals and one that stores ids, as an engine does it. Both make the same.

use std::thread::{Scope, ScopedJoinHandle};

use crossbeam::channel::{Receiver, Sender, bounded};
use feiqian_core::delta::Delta;
use feiqian_core::ids::{FilterPart, FullIds, Growth};
use feiqian_core::outcome::OutcomeRow;

use crate::book::{Book, BookFault};
use crate::journal::{Durable, Frame};
use crate::machine::MachineFault;
use crate::stage::Stage;
use crate::storage::Storage;
use crate::stores::{IdRuns, StoreFault};

/// Executed frames that wait for the sealing thread: some 10 MiB each.
const FRAMES_AHEAD: usize = 16;
/// Tables that wait to be stored.
const TABLES_AHEAD: usize = 2;
/// Answers that can be there at once: those to all that waits, and to what is in hand.
const ANSWERS: usize = TABLES_AHEAD + 2;

/// Takes what execution makes.
pub(crate) trait Aftermath {
    /// Takes an executed frame with its rows.
    fn absorb(
        &mut self,
        frame: Durable<Frame>,
        rows: Vec<OutcomeRow>,
        delta: Option<Delta>,
    ) -> Result<(), MachineFault>;

    /// Takes ids that are to be stored.
    fn store(&mut self, full: FullIds) -> Result<(), MachineFault>;

    /// What has been stored since the last question.
    fn stored(&mut self) -> Result<Option<StoredIds>, MachineFault>;
}

/// What the index hears of once ids have been stored.
#[derive(Debug)]
pub(crate) struct StoredIds {
    /// All ids of entries below this sequence are stored.
    pub(crate) end: u64,
    /// Parts of the filter that were due for it, in their order.
    pub(crate) parts: Vec<FilterPart>,
}

impl StoredIds {
    fn behind(self, earlier: Option<Self>) -> Self {
        let mut parts = earlier.map_or_else(Vec::new, |earlier| earlier.parts);
        parts.extend(self.parts);
        Self { parts, ..self }
    }
}

/// Everything on the thread that executes.
#[derive(Debug)]
pub(crate) struct Alone<S: Storage> {
    pub(crate) book: Book<S>,
    pub(crate) ids: IdRuns<S>,
    /// Of the filter of ids.
    pub(crate) growth: Option<Growth>,
    pub(crate) stored: Option<StoredIds>,
}

impl<S: Storage> Aftermath for Alone<S> {
    fn absorb(
        &mut self,
        frame: Durable<Frame>,
        rows: Vec<OutcomeRow>,
        delta: Option<Delta>,
    ) -> Result<(), MachineFault> {
        self.book.absorb(&frame, &rows, delta.as_ref())?;
        Ok(())
    }

    fn store(&mut self, full: FullIds) -> Result<(), MachineFault> {
        let stored = store(&self.ids, full, &mut self.growth).map_err(BookFault::from)?;
        self.stored = Some(stored.behind(self.stored.take()));
        Ok(())
    }

    fn stored(&mut self) -> Result<Option<StoredIds>, MachineFault> {
        Ok(self.stored.take())
    }
}

/// Stores ids, durably: there is no flush thread yet. Makes all parts of the filter that are due by then.
pub(crate) fn store<S: Storage>(
    ids: &IdRuns<S>,
    full: FullIds,
    growth: &mut Option<Growth>,
) -> Result<StoredIds, StoreFault> {
    let end = ids.store(vec![full])?;
    ids.sync().and_then(|()| ids.merge())?;
    let mut parts = Vec::new();
    while let Some(due) = growth.as_mut().and_then(|growth| growth.take_due(ids.ids())) {
        parts.extend(ids.parts(&due, 1)?.into_iter().flatten());
    }
    Ok(StoredIds { end, parts })
}

type Executed = (Durable<Frame>, Vec<OutcomeRow>, Option<Delta>);
type Sealing<'scope, S> = Stage<'scope, Executed, Book<S>, BookFault>;

/// Threads beside the one that executes.
#[derive(Debug)]
pub(crate) struct Beside<'scope, S: Storage> {
    /// None once it has failed.
    sealing: Option<Sealing<'scope, S>>,
    tables: Sender<FullIds>,
    stored: Receiver<Result<StoredIds, StoreFault>>,
    storing: ScopedJoinHandle<'scope, ()>,
}

impl<'scope, S: Storage> Beside<'scope, S> {
    pub(crate) fn start(
        scope: &'scope Scope<'scope, '_>,
        book: Book<S>,
        (ids, mut growth): (IdRuns<S>, Option<Growth>),
    ) -> Self {
        let (tables, tables_in) = bounded::<FullIds>(TABLES_AHEAD);
        let (answer, stored) = bounded(ANSWERS);
        let seal = |book: &mut Book<S>, (frame, rows, delta): Executed| {
            book.absorb(&frame, &rows, delta.as_ref()).map(drop)
        };
        let sealing = Some(Stage::start(scope, FRAMES_AHEAD, book, seal));
        let storing = scope.spawn(move || {
            for full in tables_in {
                let stored = store(&ids, full, &mut growth);
                let is_over = stored.is_err();
                if answer.send(stored).is_err() || is_over {
                    return;
                }
            }
        });
        Self { sealing, tables, stored, storing }
    }

    /// Waits until all is sealed and stored; gives the book, and what has been stored since the last question.
    pub(crate) fn finish(self) -> Result<(Book<S>, Option<StoredIds>), MachineFault> {
        let Self { sealing, tables, stored, storing } = self;
        drop(tables);
        let last = joined(stored.iter())?;
        storing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match sealing {
            Some(sealing) => Ok((sealing.finish()?, last)),
            None => unreachable!("whoever took the thread's end has failed with it"),
        }
    }

    /// Why the sealing thread has ended before its time.
    fn sealing_fault(&mut self) -> MachineFault {
        match self.sealing.take().map(Stage::finish) {
            Some(Err(fault)) => fault.into(),
            _ => unreachable!("the thread ends with a fault as long as frames may come"),
        }
    }
}

impl<S: Storage> Aftermath for Beside<'_, S> {
    fn absorb(
        &mut self,
        frame: Durable<Frame>,
        rows: Vec<OutcomeRow>,
        delta: Option<Delta>,
    ) -> Result<(), MachineFault> {
        match self.sealing.as_ref().is_some_and(|sealing| sealing.hand((frame, rows, delta))) {
            true => Ok(()),
            false => Err(self.sealing_fault()),
        }
    }

    fn store(&mut self, full: FullIds) -> Result<(), MachineFault> {
        if self.tables.send(full).is_ok() {
            return Ok(());
        }
        // The thread has ended, and its last answer says why.
        match self.stored.iter().find_map(Result::err) {
            Some(fault) => Err(BookFault::from(fault).into()),
            None => unreachable!("the thread ends with a fault as long as tables may come"),
        }
    }

    fn stored(&mut self) -> Result<Option<StoredIds>, MachineFault> {
        joined(self.stored.try_iter())
    }
}

fn joined(
    mut answers: impl Iterator<Item = Result<StoredIds, StoreFault>>,
) -> Result<Option<StoredIds>, MachineFault> {
    answers.try_fold(None, |earlier, stored| Ok(Some(stored.map_err(BookFault::from)?.behind(earlier))))
}
