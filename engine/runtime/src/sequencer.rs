//! The sequencer: gives admitted batches and commands their place in the one order, as frames. Reads the
//! clock, once for each frame: the only time that the core will ever see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam::channel::Sender;
use feiqian_core::batch::{PayloadBuilder, command_payload};
use feiqian_core::frame::{FrameKind, Head};

use crate::admission::{Admission, AdmittedCommand, Doorway};
use crate::execution::Replies;
use crate::journal::{PreparedFrame, SequencedFrame};
use crate::machine::{FIRST_EPOCH, transfers_frame};

/// How long it sleeps without a ring: bounds how late it sees that the engine closes.
const NAP: Duration = Duration::from_millis(50);

/// A frame for the journal, in the form that is stored, with the way back to its submitters.
#[derive(Debug)]
pub(crate) struct Sequenced {
    pub(crate) frame: PreparedFrame,
    pub(crate) replies: Replies,
}

/// The sequencer's state.
#[derive(Debug)]
pub(crate) struct Sequencer {
    pub(crate) admission: Arc<Admission>,
    pub(crate) doorway: Doorway,
    pub(crate) journal: Sender<Sequenced>,
    pub(crate) is_closing: Arc<AtomicBool>,
    pub(crate) next_sequence: u64,
    pub(crate) last_timestamp: u64,
    /// The leader's: a takeover has begun it.
    epoch: u32,
}

impl Sequencer {
    pub(crate) fn new(
        admission: Arc<Admission>,
        doorway: Doorway,
        journal: Sender<Sequenced>,
        is_closing: Arc<AtomicBool>,
        head: &Head,
    ) -> Self {
        let (next_sequence, last_timestamp) = (head.sequence + 1, head.timestamp);
        let epoch = head.epoch.max(FIRST_EPOCH);
        Self { admission, doorway, journal, is_closing, next_sequence, last_timestamp, epoch }
    }

    /// Sequences until the engine closes and nothing is left, or the journal has ended.
    pub(crate) fn run(mut self) {
        self.run_until_closed();
        self.admission.close();
    }

    fn run_until_closed(&mut self) {
        loop {
            let is_closing = self.is_closing.load(Ordering::Acquire);
            let Ok(has_worked) = self.step() else { return };
            if !has_worked {
                if is_closing {
                    return;
                }
                // Either way there may be work: a ring, or a nap's end.
                let _ = self.doorway.bell.recv_timeout(NAP);
            }
        }
    }

    /// Sequences what is there. The journal's queue is short: while it is full the next frame grows.
    fn step(&mut self) -> Result<bool, Closed> {
        let mut has_worked = false;
        while let Ok(command) = self.doorway.commands.try_recv() {
            self.send_command(command)?;
            has_worked = true;
        }
        let mut builder = PayloadBuilder::default();
        let mut replies = Vec::new();
        while let Some(admitted) = self.admission.next(|batch| builder.has_room_for(batch)) {
            replies.push((admitted.reply, admitted.batch.records.len(), admitted.place));
            builder.push(admitted.batch);
        }
        if !replies.is_empty() {
            let timestamp = self.timestamp();
            let frame = SequencedFrame {
                epoch: self.epoch,
                ..transfers_frame(self.next_sequence, timestamp, builder)
            };
            self.send(frame, Replies::Batches(replies))?;
            has_worked = true;
        }
        Ok(has_worked)
    }

    fn send_command(&mut self, command: AdmittedCommand) -> Result<(), Closed> {
        let frame = SequencedFrame {
            kind: FrameKind::Command,
            epoch: self.epoch,
            first_sequence: self.next_sequence,
            count: 1,
            timestamp: self.timestamp(),
            payload: command_payload(&command.entry),
        };
        self.send(frame, Replies::Command(command.reply))
    }

    fn send(&mut self, frame: SequencedFrame, replies: Replies) -> Result<(), Closed> {
        self.next_sequence += u64::from(frame.count);
        // Here and not in the journal's thread, which waits for the disk: the next frame is packed meanwhile.
        self.journal.send(Sequenced { frame: frame.into(), replies }).map_err(|_| Closed)
    }

    /// Now, but never before the frame before.
    fn timestamp(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.last_timestamp = now.max(self.last_timestamp);
        self.last_timestamp
    }
}

/// The journal's thread has ended.
#[derive(Debug)]
struct Closed;
