//! The tables and their columns, version 1. What stands here is a promise: a column is never renamed, never given another
//! type or meaning; a later version adds some. README.md says what each of them is.
//!
//! Amounts are integers in minor units, `exponent` beside them: 1234 with exponent 2 is 12.34. Sums are
//! `DECIMAL(38, 0)`. The day and the currency stand in the path, `day=2026-03-16/currency=EUR`.

use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

/// Of the tables, in `archive.json` and in every file's metadata (`feiqian.archive.version`).
pub const VERSION: u32 = 1;
/// ISO 4217 for no currency: the partition of records with a number that no currency has. All of them were rejected.
pub const NO_CURRENCY: &str = "XXX";

/// A table: a directory of that name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Table {
    /// What was submitted.
    Transfers,
    /// What became of it.
    Outcomes,
    /// What each participant's position moved by, block by block.
    Positions,
    /// Headers. A block is in the archive when it is here: its file is the last of a part.
    Blocks,
}

impl Table {
    /// All of them, in the order in which a part's files appear.
    pub const ALL: [Self; 4] = [Self::Transfers, Self::Outcomes, Self::Positions, Self::Blocks];

    /// Its directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Outcomes => "outcomes",
            Self::Positions => "positions",
            Self::Blocks => "blocks",
        }
    }

    /// Its columns, as a Parquet message type.
    #[must_use]
    pub const fn message_type(self) -> &'static str {
        match self {
            Self::Transfers => TRANSFERS,
            Self::Outcomes => OUTCOMES,
            Self::Positions => POSITIONS,
            Self::Blocks => BLOCKS,
        }
    }

    pub(crate) fn parsed(self) -> Result<TypePtr, ParquetError> {
        parse_message_type(self.message_type()).map(Arc::new)
    }
}

const TRANSFERS: &str = "message transfers {
  required int64 sequence (INTEGER(64,false));
  required int64 block (INTEGER(64,false));
  optional int64 cycle (INTEGER(64,false));
  required int64 journaled_at (TIMESTAMP(MICROS,true));
  required fixed_len_byte_array(16) uetr (UUID);
  optional byte_array submitter (STRING);
  required int64 debtor_account (INTEGER(64,false));
  optional byte_array debtor_participant (STRING);
  required int64 creditor_account (INTEGER(64,false));
  optional byte_array creditor_participant (STRING);
  required int64 amount_minor (INTEGER(64,false));
  optional int32 exponent;
  required int32 currency_numeric;
  required byte_array kind (STRING);
  required int32 flags;
  required int64 timeout_s (INTEGER(64,false));
  required int64 delay_s (INTEGER(64,false));
  optional byte_array purpose (STRING);
  optional fixed_len_byte_array(16) related (UUID);
}";

const OUTCOMES: &str = "message outcomes {
  required int64 sequence (INTEGER(64,false));
  required int64 block (INTEGER(64,false));
  optional int64 cycle (INTEGER(64,false));
  required fixed_len_byte_array(16) uetr (UUID);
  required byte_array outcome (STRING);
  optional byte_array reason (STRING);
  optional int32 reason_number;
  optional int64 amount_minor (INTEGER(64,false));
  optional int32 exponent;
  optional int64 duplicate_of (INTEGER(64,false));
  optional int64 debtor_previous (INTEGER(64,false));
  optional int64 creditor_previous (INTEGER(64,false));
}";

const POSITIONS: &str = "message positions {
  required int64 block (INTEGER(64,false));
  optional int64 cycle (INTEGER(64,false));
  required byte_array participant (STRING);
  required int32 exponent;
  required int64 debits (INTEGER(64,false));
  required fixed_len_byte_array(16) debit_sum_minor (DECIMAL(38,0));
  required int64 credits (INTEGER(64,false));
  required fixed_len_byte_array(16) credit_sum_minor (DECIMAL(38,0));
  required fixed_len_byte_array(16) net_minor (DECIMAL(38,0));
}";

const BLOCKS: &str = "message blocks {
  required int64 height (INTEGER(64,false));
  required fixed_len_byte_array(32) hash;
  required fixed_len_byte_array(32) previous;
  required fixed_len_byte_array(16) chain_id;
  required int64 first_sequence (INTEGER(64,false));
  required int64 count (INTEGER(64,false));
  required int64 sealed_at (TIMESTAMP(MICROS,true));
  required int64 cycle (INTEGER(64,false));
  required fixed_len_byte_array(32) totals;
  required fixed_len_byte_array(32) transfers_root;
  required int64 transfers_size (INTEGER(64,false));
  required fixed_len_byte_array(32) positions_root;
  required int64 positions_size (INTEGER(64,false));
  required fixed_len_byte_array(32) accounts_root;
  required int64 accounts_size (INTEGER(64,false));
  required fixed_len_byte_array(32) config_root;
  required int64 config_size (INTEGER(64,false));
  required fixed_len_byte_array(32) journal_head;
  required fixed_len_byte_array(64) signature;
}";

/// How files are written: Snappy, numbers that ascend as differences, names by dictionary, ids plain.
pub(crate) fn properties() -> WriterPropertiesPtr {
    let ascending = ["sequence", "block", "height", "first_sequence", "journaled_at", "sealed_at"];
    let single = ["uetr", "related", "hash", "previous", "signature", "debtor_previous", "creditor_previous"];
    let mut builder = WriterProperties::builder().set_compression(Compression::SNAPPY);
    for column in ascending {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in single {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(column), false);
    }
    Arc::new(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_a_parquet_schema_and_keeps_its_columns() {
        let columns = |table: Table| -> Vec<String> {
            let parsed = table.parsed().expect("a message type");
            parsed.get_fields().iter().map(|field| field.name().to_owned()).collect()
        };
        // A column that goes, or moves, breaks the promise above.
        assert_eq!(columns(Table::Transfers).len(), 19);
        assert_eq!(columns(Table::Transfers)[..5], ["sequence", "block", "cycle", "journaled_at", "uetr"]);
        assert_eq!(columns(Table::Outcomes)[4..8], ["outcome", "reason", "reason_number", "amount_minor"]);
        assert_eq!(
            columns(Table::Positions)[4..],
            ["debits", "debit_sum_minor", "credits", "credit_sum_minor", "net_minor"]
        );
        assert_eq!(columns(Table::Blocks).len(), 19);
    }
}
