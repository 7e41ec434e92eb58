//! Why a connection ends, and why a batch is not taken: codes that are for ever, with their texts.

use feiqian_runtime::admission::Busy;

macro_rules! codes {
    ($(#[$type_doc:meta])* $type:ident: $($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
        pub enum $type { $($(#[$doc])* #[error($text)] $name,)* }

        impl $type {
            /// All codes, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $(Self::$name => $number,)* }
            }

            /// The code of a number.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    /// Why the server ends a connection. Nothing else is disturbed by it.
    Refusal:
    /// The message does not begin as one.
    Magic = 1, "the bytes do not begin a message of this protocol";
    /// Another version.
    Version = 2, "this version of the protocol is not spoken here: 1 is";
    /// A kind that is unknown, or not expected from this side at this moment.
    Kind = 3, "a message of this kind is unknown or not expected here";
    /// A flag without meaning.
    Flags = 4, "a flag is unknown";
    /// The length is not the one that kind and count demand.
    Length = 5, "the length is not that of the message's kind and count";
    /// No record, or more than a batch holds.
    Count = 6, "the count is zero, over the bound, or not for this kind";
    /// A byte that must be zero is not.
    Reserved = 7, "a byte that must be zero is not";
    /// Not the number that follows the last request's.
    RequestNumber = 8, "the request's number is not the next: 1, 2, 3 …";
    /// A record has the flag that only the engine sets.
    RecordFlag = 9, "a record has the flag that only the engine sets";
    /// The batch's signature does not hold.
    BatchSignature = 10, "the signature of the batch is not the participant's";
    /// No participant has this BIC.
    UnknownParticipant = 20, "no participant has this BIC";
    /// The participant has registered no key.
    NoKey = 21, "the participant has no registered key: the operator registers it";
    /// The login's signature does not hold for this connection.
    LoginSignature = 22, "the signature of the login is not the participant's, or not for this connection";
    /// As many sessions are open as may be.
    SessionsFull = 23, "as many sessions are open as may be: close one, or try again";
    /// The login took too long.
    LoginTimeout = 24, "the login was not complete in time";
    /// Another connection that logs in has taken its place.
    LoginsFull = 25, "too many connections wait to log in, and this one has waited longest: try again";
    /// The participant has as many sessions open as one may have.
    ParticipantSessionsFull = 26, "the participant has as many sessions open as one may have: close one";
    /// No whole message came in time.
    Idle = 30, "no whole message came in time: send a ping";
    /// The connection ended within a message.
    Truncated = 31, "the connection ended within a message";
    /// The server is shutting down.
    Closing = 32, "the server is shutting down; the fate of what was not answered is what recovery says";
    /// The key that opened the session is the participant's no longer.
    KeyChanged = 33, "the participant has another key now: log in with it";
}

codes! {
    /// Why a batch was not taken. Nothing of it takes effect, and the session goes on: it may be sent again.
    BusyReason:
    /// The participant has too many transfers in flight.
    Participant = 1, "the participant has too many transfers in flight: wait for outcomes";
    /// All participants together have.
    Engine = 2, "the engine has too many transfers in flight: try again";
    /// The engine is shutting down.
    Closing = 3, "the engine is shutting down";
}

impl TryFrom<Busy> for BusyReason {
    type Error = Refusal;

    /// A batch that the engine would never take ends the session: the count has been checked, so one of its
    /// records poses as a command's.
    fn try_from(busy: Busy) -> Result<Self, Refusal> {
        match busy {
            Busy::Participant => Ok(Self::Participant),
            Busy::Engine => Ok(Self::Engine),
            Busy::Closing => Ok(Self::Closing),
            Busy::Batch => Err(Refusal::RecordFlag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::TEXT_BYTES_MAX;

    #[test]
    fn codes_are_unique_and_come_back_and_texts_fit() {
        for (at, code) in Refusal::ALL.iter().enumerate() {
            assert_eq!(Refusal::from_number(code.number()), Some(*code));
            assert!(code.to_string().len() <= TEXT_BYTES_MAX);
            assert!(Refusal::ALL[at + 1..].iter().all(|other| other.number() > code.number()));
        }
        assert_eq!(Refusal::from_number(0), None);
        for reason in BusyReason::ALL {
            assert_eq!(BusyReason::from_number(reason.number()), Some(*reason));
        }
    }
}
