//! A lane: a bounded lock-free queue into an actor. What flows in bulk goes through the lane; a message only
//! wakes the actor where it sleeps, one at a time, so its mailbox can't grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::prelude::{Message, Recipient};
use crossbeam::channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex};

/// The lane holds something.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub(crate) struct Wake;

/// How much a lane holds: so many items, and so many entries in them, which are what takes memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity<T> {
    pub(crate) items: usize,
    pub(crate) entries: u64,
    pub(crate) entries_of: fn(&T) -> u64,
}

/// The entries in a lane; none once the actor has ended.
#[derive(Debug)]
struct Load {
    entries: Mutex<Option<u64>>,
    has_fallen: Condvar,
}

/// The end that feeds.
#[derive(Debug)]
pub(crate) struct Lane<T> {
    queue: Sender<T>,
    load: Arc<Load>,
    capacity: Capacity<T>,
    is_awake: Arc<AtomicBool>,
    actor: Recipient<Wake>,
}

/// The end that the actor holds.
#[derive(Debug)]
pub(crate) struct LaneEnd<T> {
    queue: Receiver<T>,
    load: Arc<Load>,
    entries_of: fn(&T) -> u64,
    is_awake: Arc<AtomicBool>,
}

/// A lane that no actor has been bound to yet.
pub(crate) fn lane<T>(capacity: Capacity<T>) -> (impl FnOnce(Recipient<Wake>) -> Lane<T>, LaneEnd<T>) {
    let (queue, end) = bounded(capacity.items);
    let (load, is_awake) = (
        Arc::new(Load { entries: Mutex::new(Some(0)), has_fallen: Condvar::new() }),
        Arc::new(AtomicBool::new(false)),
    );
    let end = LaneEnd {
        queue: end,
        load: Arc::clone(&load),
        entries_of: capacity.entries_of,
        is_awake: Arc::clone(&is_awake),
    };
    (move |actor| Lane { queue, load, capacity, is_awake, actor }, end)
}

impl<T> Clone for Lane<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            load: Arc::clone(&self.load),
            capacity: Capacity { ..self.capacity },
            is_awake: Arc::clone(&self.is_awake),
            actor: self.actor.clone(),
        }
    }
}

impl<T> Lane<T> {
    /// Puts an item in, waiting while the lane is full. An item whose actor has ended is dropped: the machine
    /// is then shutting down, and what is durable will be executed by the next start.
    pub(crate) fn push(&self, item: T) {
        self.load.take((self.capacity.entries_of)(&item), self.capacity.entries);
        if self.queue.send(item).is_ok() && !self.is_awake.swap(true, Ordering::SeqCst) {
            // do_send passes the mailbox's bound, but the flag lets through one message at a time.
            self.actor.do_send(Wake);
        }
    }
}

impl Load {
    /// Waits for room. An item larger than the whole room goes alone.
    fn take(&self, entries: u64, most: u64) {
        let mut held = self.entries.lock();
        while held.is_some_and(|held| held > 0 && held + entries > most) {
            self.has_fallen.wait(&mut held);
        }
        *held = held.map(|held| held + entries);
    }

    fn give_back(&self, entries: u64) {
        let mut held = self.entries.lock();
        *held = held.map(|held| held - entries);
        self.has_fallen.notify_all();
    }
}

impl<T> Drop for LaneEnd<T> {
    fn drop(&mut self) {
        *self.load.entries.lock() = None;
        self.load.has_fallen.notify_all();
    }
}

impl<T> LaneEnd<T> {
    /// Items in the lane now.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes what is there, up to `most` items. True: something may be left, and no wake will come for it,
    /// so the actor must look again by itself.
    pub(crate) fn drain(&self, most: usize, mut take: impl FnMut(T)) -> bool {
        for _ in 0..most {
            let Ok(item) = self.queue.try_recv() else {
                self.is_awake.store(false, Ordering::SeqCst);
                // Something may have come between the two lines above, its sender seeing the actor awake.
                return !self.queue.is_empty() && !self.is_awake.swap(true, Ordering::SeqCst);
            };
            let entries = (self.entries_of)(&item);
            take(item);
            self.load.give_back(entries);
        }
        true
    }
}
