//! A lane: a bounded lock-free queue into an actor. What flows in bulk goes through the lane; a message only
//! wakes the actor where it sleeps, one at a time, so its mailbox can't grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::prelude::{Message, Recipient};
use crossbeam::channel::{Receiver, Sender, bounded};

/// The lane holds something.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct Wake;

/// The end that feeds.
#[derive(Debug)]
pub(crate) struct Lane<T> {
    queue: Sender<T>,
    is_awake: Arc<AtomicBool>,
    actor: Recipient<Wake>,
}

/// The end that the actor holds.
#[derive(Debug)]
pub(crate) struct LaneEnd<T> {
    queue: Receiver<T>,
    is_awake: Arc<AtomicBool>,
}

/// A lane that no actor has been bound to yet.
pub(crate) fn lane<T>(capacity: usize) -> (impl FnOnce(Recipient<Wake>) -> Lane<T>, LaneEnd<T>) {
    let (queue, end) = bounded(capacity);
    let is_awake = Arc::new(AtomicBool::new(false));
    let end = LaneEnd { queue: end, is_awake: Arc::clone(&is_awake) };
    (move |actor| Lane { queue, is_awake, actor }, end)
}

impl<T> Clone for Lane<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), is_awake: Arc::clone(&self.is_awake), actor: self.actor.clone() }
    }
}

impl<T> Lane<T> {
    /// Puts an item in, waiting while the lane is full. An item whose actor has ended is dropped: the machine
    /// is then shutting down, and what is durable will be executed by the next start.
    pub(crate) fn push(&self, item: T) {
        if self.queue.send(item).is_ok() && !self.is_awake.swap(true, Ordering::SeqCst) {
            // do_send passes the mailbox's bound, but the flag lets through one message at a time.
            self.actor.do_send(Wake);
        }
    }
}

impl<T> LaneEnd<T> {
    /// Takes what is there, up to `most` items. True: something may be left, and no wake will come for it,
    /// so the actor must look again by itself.
    pub(crate) fn drain(&self, most: usize, mut take: impl FnMut(T)) -> bool {
        for _ in 0..most {
            let Ok(item) = self.queue.try_recv() else {
                self.is_awake.store(false, Ordering::SeqCst);
                // Something may have come between the two lines above, its sender seeing the actor awake.
                return !self.queue.is_empty() && !self.is_awake.swap(true, Ordering::SeqCst);
            };
            take(item);
        }
        true
    }
}
