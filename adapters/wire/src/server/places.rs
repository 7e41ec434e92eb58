//! Places of connections: those of sessions, bounded in total and for each participant, and apart from them those of
//! connections that have not logged in.
//!
//! So no participant takes the places of others, and nobody who hasn't said who it is takes any participant's: where too
//! many wait to log in, the one that has waited longest goes. Knows nothing of sockets; a place comes back when its
//! value is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use feiqian_core::participant::ParticipantHandle;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ServerOptions;
use crate::refusal::Refusal;

/// All places of a server.
#[derive(Debug)]
pub(super) struct Places {
    sessions_max: usize,
    sessions_per_participant_max: usize,
    logins_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    sessions: usize,
    of_participants: BTreeMap<ParticipantHandle, usize>,
    /// Connections without a login, the oldest first.
    waiting: VecDeque<Arc<Notify>>,
}

/// The place of a connection that has not logged in.
#[derive(Debug)]
pub(super) struct Waiting {
    places: Arc<Places>,
    turned_out: Arc<Notify>,
}

/// The place of a session.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    participant: ParticipantHandle,
}

impl Places {
    pub(super) fn new(options: &ServerOptions) -> Arc<Self> {
        Arc::new(Self {
            sessions_max: options.sessions_max,
            sessions_per_participant_max: options.sessions_per_participant_max,
            logins_max: options.logins_max,
            taken: Mutex::default(),
        })
    }

    /// Lets a connection in to log in. Where as many as may be wait for that, the oldest of them is turned out.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        let turned_out = Arc::new(Notify::new());
        let mut taken = self.taken.lock();
        taken.waiting.push_back(Arc::clone(&turned_out));
        if taken.waiting.len() > self.logins_max
            && let Some(oldest) = taken.waiting.pop_front()
        {
            oldest.notify_one();
        }
        drop(taken);
        Waiting { places: Arc::clone(self), turned_out }
    }

    /// A place for a session of a participant.
    pub(super) fn take(self: &Arc<Self>, participant: ParticipantHandle) -> Result<Place, Refusal> {
        let mut taken = self.taken.lock();
        let own = taken.of_participants.get(&participant).copied().unwrap_or(0);
        if own >= self.sessions_per_participant_max {
            return Err(Refusal::ParticipantSessionsFull);
        }
        if taken.sessions >= self.sessions_max {
            return Err(Refusal::SessionsFull);
        }
        taken.sessions += 1;
        taken.of_participants.insert(participant, own + 1);
        drop(taken);
        Ok(Place { places: Arc::clone(self), participant })
    }
}

impl Waiting {
    /// Ends when another connection has taken this one's place.
    pub(super) async fn turned_out(&self) {
        self.turned_out.notified().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.places.taken.lock().waiting.retain(|other| !Arc::ptr_eq(other, &self.turned_out));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.sessions -= 1;
        if let Some(own) = taken.of_participants.get_mut(&self.participant) {
            *own -= 1;
            if *own == 0 {
                taken.of_participants.remove(&self.participant);
            }
        }
    }
}
