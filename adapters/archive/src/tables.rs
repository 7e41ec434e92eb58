//! The rows of each table, column by column in the order of the schema.

use feiqian_runtime::book::SealedBlock;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;

use crate::columns::{
    Bytes, Cells, NullableBytes, NullableNumbers, NullableSmallNumbers, NullableTexts, Numbers, SmallNumbers,
    Texts,
};
use crate::schema::Table;

/// Rows that wait to be written.
pub(crate) trait Rows: Default {
    /// Whose they are.
    const TABLE: Table;
    /// How many.
    fn len(&self) -> usize;
    /// Their columns, in the schema's order.
    fn columns(&mut self) -> Vec<&mut dyn Cells>;
}

/// Writes rows as a row group, and forgets them.
pub(crate) fn write_rows<W: std::io::Write + Send>(
    rows: &mut impl Rows,
    mut group: SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    for cells in rows.columns() {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("the schema has fewer columns".to_owned()));
        };
        cells.write(&mut column)?;
        column.close()?;
        cells.clear();
    }
    group.close().map(drop)
}

macro_rules! table {
    ($(#[$doc:meta])* $name:ident($table:ident, $first:ident) { $($column:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name { $(pub(crate) $column: $kind,)* }

        impl Rows for $name {
            const TABLE: Table = Table::$table;

            fn len(&self) -> usize {
                self.$first.len()
            }

            fn columns(&mut self) -> Vec<&mut dyn Cells> {
                vec![$(&mut self.$column,)*]
            }
        }
    };
}

table! {
    /// What was submitted.
    Transfers(Transfers, sequence) {
        sequence: Numbers,
        block: Numbers,
        cycle: NullableNumbers,
        journaled_at: Numbers,
        uetr: Bytes,
        submitter: NullableTexts,
        debtor_account: Numbers,
        debtor_participant: NullableTexts,
        creditor_account: Numbers,
        creditor_participant: NullableTexts,
        amount_minor: Numbers,
        exponent: NullableSmallNumbers,
        currency_numeric: SmallNumbers,
        kind: Texts,
        flags: SmallNumbers,
        timeout_s: Numbers,
        delay_s: Numbers,
        purpose: NullableTexts,
        related: NullableBytes,
    }
}

table! {
    /// What became of it.
    Outcomes(Outcomes, sequence) {
        sequence: Numbers,
        block: Numbers,
        cycle: NullableNumbers,
        uetr: Bytes,
        outcome: Texts,
        reason: NullableTexts,
        reason_number: NullableSmallNumbers,
        amount_minor: NullableNumbers,
        exponent: NullableSmallNumbers,
        duplicate_of: NullableNumbers,
        debtor_previous: NullableNumbers,
        creditor_previous: NullableNumbers,
    }
}

table! {
    /// What positions moved by.
    Positions(Positions, block) {
        block: Numbers,
        cycle: NullableNumbers,
        participant: Texts,
        exponent: SmallNumbers,
        debits: Numbers,
        debit_sum_minor: Bytes,
        credits: Numbers,
        credit_sum_minor: Bytes,
        net_minor: Bytes,
    }
}

table! {
    /// Headers.
    Blocks(Blocks, height) {
        height: Numbers,
        hash: Bytes,
        previous: Bytes,
        chain_id: Bytes,
        first_sequence: Numbers,
        count: Numbers,
        sealed_at: Numbers,
        cycle: Numbers,
        totals: Bytes,
        transfers_root: Bytes,
        transfers_size: Numbers,
        positions_root: Bytes,
        positions_size: Numbers,
        accounts_root: Bytes,
        accounts_size: Numbers,
        config_root: Bytes,
        config_size: Numbers,
        journal_head: Bytes,
        signature: Bytes,
    }
}

impl Blocks {
    pub(crate) fn push(&mut self, block: &SealedBlock) {
        let header = &block.header;
        self.height.number(header.height);
        self.hash.bytes(&header.hash().0);
        self.previous.bytes(&header.previous.0);
        self.chain_id.bytes(&header.chain_id);
        self.first_sequence.number(header.first_sequence);
        self.count.number(header.count);
        self.sealed_at.number(micros(header.timestamp));
        self.cycle.number(header.cycle);
        self.totals.bytes(&header.totals.0);
        let roots = [
            (&mut self.transfers_root, &mut self.transfers_size, header.transfers),
            (&mut self.positions_root, &mut self.positions_size, header.positions),
            (&mut self.accounts_root, &mut self.accounts_size, header.accounts),
            (&mut self.config_root, &mut self.config_size, header.config),
        ];
        for (hashes, sizes, root) in roots {
            hashes.bytes(&root.hash.0);
            sizes.number(root.size);
        }
        self.journal_head.bytes(&header.journal_head.0);
        self.signature.bytes(&block.signature.0);
    }
}

/// Microseconds of a frame's nanoseconds: what all readers of Parquet know.
pub(crate) const fn micros(nanoseconds: u64) -> u64 {
    nanoseconds / 1_000
}
