//! A lane: a bounded lock-free queue into an actor. What flows in bulk goes through the lane; a message only
//! wakes the actor where it sleeps, one at a time, so its mailbox can't grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::prelude::{Message, Recipient};
use crossbeam::channel::{Receiver, Sender, TryRecvError, bounded};

use crate::queue_load::QueueLoad;

/// How long an actor looks out for an announced item: twice what a short group's sync takes. A slower disk's wakes it.
const LOOKOUT: Duration = Duration::from_micros(300);
/// Pauses between two looks, a microsecond or two: where two cores are one with two threads, the other one is writing.
const PAUSES: usize = 32;

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

/// The end that feeds.
#[derive(Debug)]
pub(crate) struct Lane<T> {
    queue: Sender<T>,
    load: Arc<QueueLoad>,
    capacity: Capacity<T>,
    is_awake: Arc<AtomicBool>,
    is_announced: Arc<AtomicBool>,
    actor: Recipient<Wake>,
}

/// The end that the actor holds.
#[derive(Debug)]
pub(crate) struct LaneEnd<T> {
    queue: Receiver<T>,
    load: Arc<QueueLoad>,
    entries_of: fn(&T) -> u64,
    is_awake: Arc<AtomicBool>,
    is_announced: Arc<AtomicBool>,
}

/// A lane that no actor has been bound to yet.
pub(crate) fn lane<T>(capacity: Capacity<T>) -> (impl FnOnce(Recipient<Wake>) -> Lane<T>, LaneEnd<T>) {
    let (queue, end) = bounded(capacity.items);
    let load = Arc::new(QueueLoad::default());
    let (is_awake, is_announced) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let end = LaneEnd {
        queue: end,
        load: Arc::clone(&load),
        entries_of: capacity.entries_of,
        is_awake: Arc::clone(&is_awake),
        is_announced: Arc::clone(&is_announced),
    };
    (move |actor| Lane { queue, load, capacity, is_awake, is_announced, actor }, end)
}

impl<T> Clone for Lane<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            load: Arc::clone(&self.load),
            capacity: Capacity { ..self.capacity },
            is_awake: Arc::clone(&self.is_awake),
            is_announced: Arc::clone(&self.is_announced),
            actor: self.actor.clone(),
        }
    }
}

impl<T> Lane<T> {
    /// Puts an item in, waiting while the lane is full. An item whose actor has ended is dropped: the machine
    /// is then shutting down, and what is durable will be executed by the next start.
    pub(crate) fn push(&self, item: T) {
        self.load.take((self.capacity.entries_of)(&item), self.capacity.entries);
        if self.queue.send(item).is_ok() {
            self.wake();
        }
    }

    /// Says that an item will come within some tenths of a millisecond: the actor gets up and looks out for it, so that
    /// who pushes it need not wake anybody.
    pub(crate) fn announce(&self) {
        self.is_announced.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            // do_send passes the mailbox's bound, but the flag lets through one message at a time.
            self.actor.do_send(Wake);
        }
    }
}

impl<T> Drop for LaneEnd<T> {
    fn drop(&mut self) {
        self.load.close();
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
            let Ok(item) = self.next() else {
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

    /// The next item; an announced one is looked out for, its core given to whoever else wants it.
    fn next(&self) -> Result<T, TryRecvError> {
        let is_announced = self.is_announced.swap(false, Ordering::SeqCst);
        match self.queue.try_recv() {
            Err(TryRecvError::Empty) if is_announced => self.look_out(),
            next => next,
        }
    }

    fn look_out(&self) -> Result<T, TryRecvError> {
        let begun = Instant::now();
        loop {
            match self.queue.try_recv() {
                Err(TryRecvError::Empty) if begun.elapsed() < LOOKOUT => {
                    (0..PAUSES).for_each(|_| std::hint::spin_loop());
                    std::thread::yield_now();
                }
                next => return next,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::prelude::{Actor, Context, Handler, System};
    use std::sync::atomic::AtomicUsize;

    const CAPACITY: Capacity<u32> = Capacity { items: 4, entries: 4, entries_of: |_| 1 };

    /// Counts the wakes that reach it.
    struct Sleeper(Arc<AtomicUsize>);

    impl Actor for Sleeper {
        type Context = Context<Self>;
    }

    impl Handler<Wake> for Sleeper {
        type Result = ();
        fn handle(&mut self, _: Wake, _: &mut Self::Context) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn with_lane(test: impl FnOnce(Lane<u32>, LaneEnd<u32>)) -> usize {
        let wakes = Arc::new(AtomicUsize::new(0));
        let (bind, end) = lane(CAPACITY);
        System::new().block_on(async {
            let address = Sleeper(Arc::clone(&wakes)).start();
            test(bind(address.clone().recipient()), end);
            // Behind all wakes in the mailbox.
            address.send(Wake).await.expect("the actor lives");
        });
        wakes.load(Ordering::SeqCst) - 1
    }

    #[test]
    fn an_announced_item_is_found_without_a_second_wake() {
        let wakes = with_lane(|lane, end| {
            lane.announce();
            assert!(lane.is_awake.load(Ordering::SeqCst), "it is woken before there is an item");
            lane.push(7);
            let mut taken = Vec::new();
            assert!(!end.drain(4, |item| taken.push(item)));
            assert_eq!(taken, [7]);
        });
        assert_eq!(wakes, 1);
    }

    #[test]
    fn an_announced_item_that_comes_during_the_lookout_is_found() {
        let wakes = with_lane(|lane, end| {
            // Until the lookout catches it: a machine that stalls longer than it lasts tries again.
            let is_caught = (0..100).any(|_| {
                let _ = end.drain(4, |_| {});
                lane.announce();
                let pusher = std::thread::spawn({
                    let lane = lane.clone();
                    move || lane.push(7)
                });
                let mut taken = Vec::new();
                let _ = end.drain(1, |item| taken.push(item));
                pusher.join().expect("it only pushes");
                taken == [7]
            });
            assert!(is_caught);
        });
        assert!(wakes >= 1);
    }

    #[test]
    fn an_announced_item_that_does_not_come_leaves_the_actor_asleep_to_be_woken() {
        let wakes = with_lane(|lane, end| {
            lane.announce();
            let begun = Instant::now();
            assert!(!end.drain(4, |_| {}));
            assert!(begun.elapsed() >= LOOKOUT);
            lane.push(7);
            let mut taken = Vec::new();
            assert!(!end.drain(4, |item| taken.push(item)));
            assert_eq!(taken, [7]);
        });
        assert_eq!(wakes, 2);
    }
}
