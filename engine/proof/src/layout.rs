//! The fields of each kind of proof by name and width: what makes the JSON form from the binary one and back.
//!
//! One table for both directions, so the two forms can't drift apart; the kinds themselves read only bytes.

use crate::kinds::ProofKind;

/// How a field lies in the bytes, and so how it is written as text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    /// Always these bytes; not in the text.
    Fixed(&'static [u8]),
    /// So many bytes, as hexadecimal digits.
    Hex(usize),
    /// So many ASCII characters.
    Text(usize),
    /// Unsigned, of so many bytes (2, 4, 8 or 16), as decimal digits.
    Unsigned(usize),
    /// Signed, 16 bytes, as decimal digits.
    Signed,
    /// Length u32 and bytes, as hexadecimal digits.
    Bytes,
    /// Number u8 and digests of 32 bytes, as a list of hexadecimal digits.
    Path,
    /// Number u32 and items of so many bytes, as a list of hexadecimal digits.
    HexList(usize),
    /// Fields of its own, as an object.
    One(&'static [Field]),
    /// Number u32 and so many times the fields, as a list of objects.
    Many(&'static [Field]),
    /// Length u32 and a whole proof of another kind, magic and all, as its object.
    Whole,
}

/// A field's name in the JSON form, and its bytes.
pub(crate) type Field = (&'static str, Item);

use Item::{Bytes, Fixed, Hex, HexList, Many, One, Path, Signed, Text, Unsigned, Whole};

const U16: Item = Unsigned(2);
const U32: Item = Unsigned(4);
const U64: Item = Unsigned(8);
const U128: Item = Unsigned(16);

const ROOT: &[Field] = &[("root", Hex(32)), ("size", U64)];

const HEADER: &[Field] = &[
    ("magic", Fixed(b"FQBLOCK1")),
    ("chain_id", Hex(16)),
    ("height", U64),
    ("previous", Hex(32)),
    ("first_sequence", U64),
    ("count", U64),
    ("timestamp", U64),
    ("cycle", U64),
    ("totals", Hex(32)),
    ("transfers", One(ROOT)),
    ("positions", One(ROOT)),
    ("accounts", One(ROOT)),
    ("config", One(ROOT)),
    ("journal_head", Hex(32)),
];

const ACCOUNT_LEAF: &[Field] = &[
    ("salt", Hex(16)),
    ("handle", U64),
    ("slot", U32),
    ("currency", U16),
    ("state", Unsigned(1)),
    ("kind", Unsigned(1)),
    ("balance", Signed),
    ("reserved", U64),
    ("credit_line", U64),
    ("last_posting", U64),
    ("zero", Fixed(&[0; 56])),
];

const POSITION_LEAF: &[Field] = &[
    ("salt", Hex(16)),
    ("bic", Text(11)),
    ("zero", Fixed(&[0; 1])),
    ("currency", U16),
    ("zero", Fixed(&[0; 2])),
    ("slot", U32),
    ("zero", Fixed(&[0; 4])),
    ("count", U64),
    ("debits", U128),
    ("credits", U128),
    ("position", Signed),
    ("cycle", U64),
    ("unsettled", Signed),
    ("cap", U64),
    ("transfers_root", Hex(32)),
    ("zero", Fixed(&[0; 32])),
];

const CONFIG: &[Field] = &[("index", U64), ("salt", Hex(16)), ("entry", Bytes), ("path", Path)];

const OWN_TRANSFER: &[Field] = &[("salt", Hex(16)), ("record", Hex(128))];

const RECEIPT: &[Field] = &[
    ("header", One(HEADER)),
    ("signature", Hex(64)),
    ("index", U64),
    ("salt", Hex(16)),
    ("record", Hex(128)),
    ("path", Path),
    ("details", Bytes),
];

const POSITION: &[Field] = &[
    ("header", One(HEADER)),
    ("signature", Hex(64)),
    ("leaf", One(POSITION_LEAF)),
    ("path", Path),
    ("closing", Many(CONFIG)),
];

const COMPLETENESS: &[Field] = &[("position", One(POSITION)), ("transfers", Many(OWN_TRANSFER))];

const BALANCE: &[Field] =
    &[("header", One(HEADER)), ("signature", Hex(64)), ("leaf", One(ACCOUNT_LEAF)), ("path", Path)];

const CONSISTENCY: &[Field] = &[("headers", Many(HEADER)), ("signature", Hex(64))];

const SIGNED_HEAD: &[Field] = &[("size", U64), ("root", Hex(32)), ("signature", Hex(64))];

const LOG_CONSISTENCY: &[Field] =
    &[("chain_id", Hex(16)), ("old", One(SIGNED_HEAD)), ("new", One(SIGNED_HEAD)), ("path", Path)];

const OBLIGATION: &[Field] = &[("currency", U16), ("debtor", U32), ("creditor", U32), ("amount", U128)];

const SETTLEMENT: &[Field] = &[
    ("header", One(HEADER)),
    ("signature", Hex(64)),
    ("closing", One(CONFIG)),
    ("obligation", One(OBLIGATION)),
    ("positions", Many(POSITION_LEAF)),
];

const SIGNED_BATCH: &[Field] = &[
    ("receipt", One(RECEIPT)),
    ("participant", One(CONFIG)),
    ("batch_id", U128),
    ("place", U32),
    ("batch_signature", Hex(64)),
    ("records", HexList(128)),
];

const FORMER_KEY: &[Field] = &[("before", One(HEADER)), ("batch", One(SIGNED_BATCH))];

const COSIGNATURE: &[Field] = &[("key", Hex(32)), ("time", U64), ("signature", Hex(64))];

const LOG_INCLUSION: &[Field] = &[
    ("checkpoint", One(SIGNED_HEAD)),
    ("path", Path),
    ("cosignatures", Many(COSIGNATURE)),
    ("proof", Whole),
];

/// The fields of a kind, behind its magic.
pub(crate) const fn fields_of(kind: ProofKind) -> &'static [Field] {
    match kind {
        ProofKind::Receipt => RECEIPT,
        ProofKind::Position => POSITION,
        ProofKind::Completeness => COMPLETENESS,
        ProofKind::Balance => BALANCE,
        ProofKind::Consistency => CONSISTENCY,
        ProofKind::LogConsistency => LOG_CONSISTENCY,
        ProofKind::Settlement => SETTLEMENT,
        ProofKind::SignedBatch => SIGNED_BATCH,
        ProofKind::FormerKey => FORMER_KEY,
        ProofKind::LogInclusion => LOG_INCLUSION,
    }
}
