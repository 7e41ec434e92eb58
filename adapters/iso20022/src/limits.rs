//! How much of a message is read before it is refused (I6). Every bound of the codec stands here, with its reason.
//!
//! Nothing in this crate may buffer, count or nest beyond these numbers.

/// Elements inside one another. The deepest path that the schemas allow has 20; wrappers add a few.
pub const DEPTH_MAX: usize = 64;
/// Bytes of one tag, comment or text. The longest value of the schemas has 20,000 characters of four bytes;
/// what is left is for signatures and supplementary data.
pub const TOKEN_BYTES_MAX: usize = 1 << 20;
/// Attributes of one element, namespace declarations included. The schemas define one.
pub const ATTRIBUTES_MAX: usize = 32;
/// Distinct namespaces of one file. A wrapper, a header, a document and a signature need five or so.
pub const NAMESPACES_MAX: usize = 64;
/// Bytes of a name, a prefix or a namespace. The longest of the standard has 73.
pub const NAME_BYTES_MAX: usize = 1024;
/// Namespace declarations in force at one place: every element may declare again.
pub const BINDINGS_MAX: usize = 256;
/// Refusals of the file as a whole that are kept; the first says enough.
pub const FILE_REFUSALS_MAX: usize = 16;
/// Statuses, reasons and lines of additional information of a pacs.002, which is read whole; entries of statements
/// that are kept.
pub const REPORT_ITEMS_MAX: usize = 100_000;
/// Repeated elements (transactions, reasons, lines) of a camt.029, camt.056 or pacs.028, which are read whole: a
/// recall of ten thousand payments, each with a reason, is one message.
pub const WHOLE_ITEMS_MAX: usize = 30_000;
/// Repeated elements (reasons, lines, charges) of what becomes one value (a transaction, an entry, the head of a message),
/// whatever its size.
pub const SMALL_ITEMS: usize = 500;
/// Bytes that it has for each of its repeated elements beyond those: what says anything at all takes more, and values take
/// four times as much at the most.
pub const ITEM_BYTES_MIN: u64 = 64;
/// Repeated elements that who gives a reason counts for beside the reason itself: a party takes the memory of as many.
pub const ORIGINATOR_ITEMS: usize = 3;
/// Bytes that a statement has with its entries, on average, where a file of more than [`STATEMENTS_FREE`] is kept whole: its
/// account alone takes as many.
pub const STATEMENT_BYTES_MIN: u64 = 112;
/// Statements of a file that is kept whole, whatever its size.
pub const STATEMENTS_FREE: u64 = 64;
/// Repeated elements (transactions, remittance lines, balances, reasons) of one entry, one statement's head or one
/// return. A batch of that many fills the bytes that an entry may have.
pub const ENTRY_ITEMS_MAX: usize = 20_000;

const _: () = assert!(20_000 * 4 < TOKEN_BYTES_MAX);
const _: () = assert!(BINDINGS_MAX >= DEPTH_MAX && BINDINGS_MAX >= NAMESPACES_MAX);

/// Bounds that an operator may set per input; the defaults suit a clearing house's file inbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of a whole file. 2 GiB holds about two million transactions of a pacs.008.
    pub file_bytes_max: u64,
    /// Bytes of one transaction, from its start tag to its end tag; bounds the memory of the reader.
    /// The longest sample transaction has 36 kB; structured remittance may take hundreds.
    pub transaction_bytes_max: u64,
    /// Transactions of a file; bounds the sets that find duplicates (about 40 bytes each).
    pub transactions_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes_max: 2 << 30, transaction_bytes_max: 4 << 20, transactions_max: 2_000_000 }
    }
}
