//! The layouts, to the byte, as README.md documents them: the header of every message and the fixed bodies.
//! Little endian, read in place. Pure: no socket, no engine.

use feiqian_core::limits::{ALIAS_BYTES_MAX, BATCH_TRANSFERS_MAX, RECORD_BYTES};
use feiqian_core::transfer::Record;
use zerocopy::little_endian::{I128, U16, U32, U64, U128};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::refusal::Refusal;

/// Begins every message.
pub const MAGIC: [u8; 4] = *b"FQWP";
/// The version that is spoken here.
pub const VERSION: u16 = 1;
/// Bytes of a header: half a record, so that records lie at whole cache lines of a message.
pub const HEADER_BYTES: usize = 64;
/// Bytes of the text in a refusal.
pub const TEXT_BYTES_MAX: usize = 256;
/// [`BATCH_TRANSFERS_MAX`], as it is sent.
pub const BATCH_TRANSFERS: u32 = 8_190;
/// Bytes of a [`WireRow`], as they are sent.
pub const ROW_BYTES: u32 = 16;
/// Ranges in one answer about accounts.
pub const RANGES_MAX: usize = 1_024;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// The longest body that a server sends: the rows of a full batch.
pub const REPLY_BODY_BYTES_MAX: usize = BATCH_TRANSFERS_MAX * size_of::<WireRow>();
/// The longest body that a client sends.
pub const REQUEST_BODY_BYTES_MAX: usize = BATCH_TRANSFERS_MAX * RECORD_BYTES + SIGNATURE_BYTES;

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);
const _: () = assert!(BATCH_TRANSFERS as usize == BATCH_TRANSFERS_MAX);
const _: () = assert!(ROW_BYTES as usize == size_of::<WireRow>());
const _: () = assert!(RANGES_MAX * size_of::<AccountRangeBody>() <= REPLY_BODY_BYTES_MAX);

/// Flags of a message, by kind.
pub mod flags {
    /// Of a batch: a signature stands before the records.
    pub const SIGNED: u8 = 1;
    /// Of an outcome: every record is cleared with its own amount, and no rows follow.
    pub const ALL_AS_SUBMITTED: u8 = 1;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        /// What a message is. Numbers are for ever; those from 128 are the server's.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $name = $number,)* }

        impl Kind {
            /// All kinds, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$name => $number,)* }
            }

            /// The kind of a number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// BIC and signature: the first message of a client, and only the first.
    Login = 1;
    /// Records to clear.
    Batch = 2;
    /// Keeps a session from being idle.
    Ping = 3;
    /// Which account an alias stands for.
    ResolveAlias = 4;
    /// An own account's balance.
    AskBalance = 5;
    /// The own position in a currency.
    AskPosition = 6;
    /// The own accounts.
    AskAccounts = 7;
    /// An own transfer, by its UETR.
    AskTransfer = 8;
    /// The first message of a server.
    Hello = 128;
    /// The login holds.
    Welcome = 129;
    /// The login does not; the connection ends.
    Refused = 130;
    /// What became of a batch.
    Outcome = 131;
    /// A batch was not taken; the session goes on.
    Busy = 132;
    /// Answers a ping.
    Pong = 133;
    /// Answers [`Kind::ResolveAlias`].
    Account = 134;
    /// Answers [`Kind::AskBalance`].
    Balance = 135;
    /// Answers [`Kind::AskPosition`].
    Position = 136;
    /// Answers [`Kind::AskAccounts`].
    Accounts = 137;
    /// Answers [`Kind::AskTransfer`].
    Transfer = 138;
    /// Answers a question about what is not there, or not the participant's.
    Unknown = 139;
    /// The session has broken a rule, or can't go on; the connection ends.
    Error = 140;
}

/// Begins every message; the body of `length` bytes follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 4],
    /// [`VERSION`].
    pub version: U16,
    /// [`Kind`].
    pub kind: u8,
    /// [`flags`].
    pub flags: u8,
    /// Bytes of the body.
    pub length: U32,
    /// Records, rows or ranges; the code of a refusal, a busy or an error; a currency.
    pub count: U32,
    /// The request's number; zero in messages that neither are one nor answer one.
    pub request: U64,
    /// A batch's id; first sequence and timestamp of an outcome; a handle or UETR that is asked about.
    pub id: U128,
    /// Zero.
    pub zeros: [u8; 24],
}

impl Header {
    /// A header of a message without a body.
    #[must_use]
    pub fn new(kind: Kind, request: u64) -> Self {
        Self {
            magic: MAGIC,
            version: VERSION.into(),
            kind: kind.number(),
            request: request.into(),
            ..Self::new_zeroed()
        }
    }

    /// Reads 64 bytes and checks all that is the same for every kind.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> Result<(Kind, Self), Refusal> {
        let header: Self = zerocopy::transmute!(*bytes);
        if header.magic != MAGIC {
            return Err(Refusal::Magic);
        }
        if header.version.get() != VERSION {
            return Err(Refusal::Version);
        }
        let kind = Kind::from_number(header.kind).ok_or(Refusal::Kind)?;
        let known = match kind {
            Kind::Batch => flags::SIGNED,
            Kind::Outcome => flags::ALL_AS_SUBMITTED,
            _ => 0,
        };
        if header.flags & !known != 0 {
            return Err(Refusal::Flags);
        }
        if header.zeros != [0; 24] {
            return Err(Refusal::Reserved);
        }
        Ok((kind, header))
    }

    /// The body's length as an index.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.length.get() as usize
    }
}

/// What a client asks for, once it is logged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Records follow, and before them a signature if `is_signed`.
    Batch {
        /// Records.
        count: usize,
        /// The client's own number of it.
        batch_id: u128,
        /// Whether a signature stands before the records.
        is_signed: bool,
    },
    /// To be answered with a pong.
    Ping,
    /// An alias of so many bytes follows.
    ResolveAlias(usize),
    /// Of an account.
    Balance(u64),
    /// In a currency, by its numeric code.
    Position(u32),
    /// From a handle on.
    Accounts(u64),
    /// By UETR.
    Transfer(u128),
}

impl Request {
    /// Reads the header of a message that a client has sent after its login.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> Result<(u64, Self), Refusal> {
        let (kind, header) = Header::read(bytes)?;
        let (length, count, id) = (header.body_bytes(), header.count.get(), header.id.get());
        let request = match kind {
            Kind::Batch => return Self::read_batch(&header).map(|batch| (header.request.get(), batch)),
            Kind::ResolveAlias => {
                let is_fit = (1..=ALIAS_BYTES_MAX).contains(&length) && count == 0 && id == 0;
                let request = Self::ResolveAlias(length);
                return if is_fit { Ok((header.request.get(), request)) } else { Err(Refusal::Length) };
            }
            Kind::Ping if id == 0 => Self::Ping,
            Kind::AskBalance => Self::Balance(handle(id)?),
            Kind::AskPosition if id == 0 => Self::Position(count),
            Kind::AskAccounts => Self::Accounts(handle(id)?),
            Kind::AskTransfer => Self::Transfer(id),
            Kind::Ping | Kind::AskPosition => return Err(Refusal::Reserved),
            _ => return Err(Refusal::Kind),
        };
        if length != 0 {
            return Err(Refusal::Length);
        }
        if count != 0 && kind != Kind::AskPosition {
            return Err(Refusal::Count);
        }
        Ok((header.request.get(), request))
    }

    fn read_batch(header: &Header) -> Result<Self, Refusal> {
        let count = header.count.get() as usize;
        if !(1..=BATCH_TRANSFERS_MAX).contains(&count) {
            return Err(Refusal::Count);
        }
        let is_signed = header.flags & flags::SIGNED != 0;
        let signature = if is_signed { SIGNATURE_BYTES } else { 0 };
        if header.body_bytes() != signature + count * RECORD_BYTES {
            return Err(Refusal::Length);
        }
        Ok(Self::Batch { count, batch_id: header.id.get(), is_signed })
    }
}

/// An id field that holds a handle.
fn handle(id: u128) -> Result<u64, Refusal> {
    u64::try_from(id).map_err(|_| Refusal::Reserved)
}

/// Body of [`Kind::Hello`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct HelloBody {
    /// The chain that this server's engine writes.
    pub chain_id: [u8; 16],
    /// Random; part of what the login signs, so that no login serves twice.
    pub challenge: [u8; 32],
    /// Records in a batch at the most.
    pub batch_transfers_max: U32,
    /// Zero.
    pub zeros: [u8; 12],
}

/// Body of [`Kind::Login`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct LoginBody {
    /// Eleven characters.
    pub bic: [u8; 11],
    /// Zero.
    pub zeros: [u8; 5],
    /// Over the challenge; see [`crate::login`].
    pub signature: [u8; 64],
}

/// Body of [`Kind::Welcome`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct WelcomeBody {
    /// Handle of the participant.
    pub participant: U32,
    /// Records in a batch at the most.
    pub batch_transfers_max: U32,
    /// Requests without a reply; the server reads no further ones.
    pub requests_in_flight_max: U32,
    /// Records without an outcome; the server reads no further ones.
    pub transfers_in_flight_max: U32,
    /// Milliseconds within which a whole message must come.
    pub idle_timeout_ms: U32,
    /// Zero.
    pub zeros: [u8; 12],
}

/// A record's outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct WireRow {
    /// [`feiqian_core::outcome::Outcome`].
    pub outcome: u8,
    /// [`feiqian_core::outcome::RejectReason`], or zero.
    pub reason: u8,
    /// Zero.
    pub zeros: [u8; 6],
    /// Minor units moved or reserved; for a duplicate, the original's sequence.
    pub detail: U64,
}

/// Body of [`Kind::Account`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AccountBody {
    /// Handle.
    pub account: U64,
    /// ISO 4217 numeric code.
    pub currency: U16,
    /// Zero.
    pub zeros: [u8; 6],
}

/// Body of [`Kind::Balance`]: as of the last block, minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BalanceBody {
    /// Handle.
    pub account: U64,
    /// ISO 4217 numeric code.
    pub currency: U16,
    /// [`feiqian_core::account::AccountState`].
    pub state: u8,
    /// [`feiqian_core::account::AccountKind`].
    pub account_kind: u8,
    /// Pending holds.
    pub holds: U32,
    /// Credits less debits.
    pub balance: I128,
    /// Reserved by pending holds.
    pub reserved: U64,
    /// How far below zero it may go; all bits set for no bound.
    pub credit_line: U64,
    /// Height of the last block.
    pub block: U64,
    /// Zero.
    pub zeros: [u8; 8],
}

/// Body of [`Kind::Position`]: as of the last block, minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PositionBody {
    /// Credits less debits in the open cycle.
    pub position: I128,
    /// Net of the cycles that are closed and not settled.
    pub unsettled: I128,
    /// Reserved by pending holds.
    pub reserved: U64,
    /// Net debit cap; all bits set for none.
    pub cap: U64,
    /// Height of the last block.
    pub block: U64,
    /// ISO 4217 numeric code.
    pub currency: U16,
    /// Zero.
    pub zeros: [u8; 6],
}

/// One of the ranges in the body of [`Kind::Accounts`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AccountRangeBody {
    /// The first handle.
    pub first: U64,
    /// How many follow each other.
    pub count: U64,
    /// ISO 4217 numeric code.
    pub currency: U16,
    /// [`feiqian_core::account::AccountKind`].
    pub account_kind: u8,
    /// Zero.
    pub zeros: [u8; 5],
}

/// Body of [`Kind::Transfer`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct TransferBody {
    /// Where it is journaled.
    pub sequence: U64,
    /// Frame time, nanoseconds since 1970.
    pub timestamp: U64,
    /// What became of it.
    pub row: WireRow,
    /// As submitted.
    pub record: Record,
}

const _: () = assert!(size_of::<HelloBody>() == 64);
const _: () = assert!(size_of::<LoginBody>() == 80);
const _: () = assert!(size_of::<WelcomeBody>() == 32);
const _: () = assert!(size_of::<WireRow>() == 16);
const _: () = assert!(size_of::<AccountBody>() == 16);
const _: () = assert!(size_of::<BalanceBody>() == 64);
const _: () = assert!(size_of::<PositionBody>() == 64);
const _: () = assert!(size_of::<AccountRangeBody>() == 24);
const _: () = assert!(size_of::<TransferBody>() == 160);

/// A whole message: header, then `body`.
#[must_use]
pub fn message(header: Header, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("bodies are bounded above");
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(Header { length: length.into(), ..header }.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_the_sides_do_not_mix() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(*kind));
            let bytes = zerocopy::transmute!(Header::new(*kind, 1));
            assert_eq!(
                Request::read(&bytes) == Err(Refusal::Kind),
                kind.number() >= 128 || *kind == Kind::Login
            );
        }
    }

    #[test]
    fn each_broken_rule_has_its_own_refusal() {
        let good = || Header { count: 1.into(), length: 128.into(), ..Header::new(Kind::Batch, 1) };
        let read = |header: Header| Request::read(&zerocopy::transmute!(header)).map(|(_, request)| request);
        assert_eq!(read(good()), Ok(Request::Batch { count: 1, batch_id: 0, is_signed: false }));
        let rows = [
            (Header { magic: *b"HTTP", ..good() }, Refusal::Magic),
            (Header { version: 2.into(), ..good() }, Refusal::Version),
            (Header { kind: 99, ..good() }, Refusal::Kind),
            (Header { flags: 2, ..good() }, Refusal::Flags),
            (Header { length: 127.into(), ..good() }, Refusal::Length),
            (Header { length: u32::MAX.into(), ..good() }, Refusal::Length),
            (Header { flags: flags::SIGNED, ..good() }, Refusal::Length),
            (Header { count: 0.into(), ..good() }, Refusal::Count),
            (Header { count: 8_191.into(), length: (8_191 * 128).into(), ..good() }, Refusal::Count),
            (Header { zeros: [1; 24], ..good() }, Refusal::Reserved),
            (Header { length: 1.into(), ..Header::new(Kind::Ping, 1) }, Refusal::Length),
            (Header { length: 65.into(), ..Header::new(Kind::ResolveAlias, 1) }, Refusal::Length),
            (Header { id: u128::MAX.into(), ..Header::new(Kind::AskBalance, 1) }, Refusal::Reserved),
        ];
        for (header, expected) in rows {
            assert_eq!(read(header), Err(expected), "{header:?}");
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_what_it_takes_is_within_bounds() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32
        };
        let mut taken = 0;
        for case in 0..100_000_u32 {
            let mut bytes: [u8; HEADER_BYTES] = std::array::from_fn(|_| next().to_le_bytes()[0]);
            // Most random headers fail at the first bytes: let nine in ten pass further.
            if case % 10 != 0 {
                let kind = Kind::ALL[next() as usize % Kind::ALL.len()];
                let random: Header = zerocopy::transmute!(bytes);
                let header = Header { flags: random.flags & 1, ..Header::new(kind, next().into()) };
                let count = next() % 8_200;
                let signature = u32::from(header.flags) * 64;
                let length = [count * 128 + signature, next() % 80, 0][next() as usize % 3].into();
                let id = if next() % 2 == 0 { 0.into() } else { random.id };
                bytes = zerocopy::transmute!(Header { count: count.into(), length, id, ..header });
                if next() % 4 == 0 {
                    bytes[next() as usize % HEADER_BYTES] ^= 1 << (next() % 8);
                }
            }
            if let Ok((_, Request::Batch { count, .. })) = Request::read(&bytes) {
                assert!((1..=BATCH_TRANSFERS_MAX).contains(&count), "case {case}");
                taken += 1;
            }
            let _ = Header::read(&bytes);
        }
        assert!(taken > 500, "the cases must reach the end of the reader: {taken}");
    }
}
