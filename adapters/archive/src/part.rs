//! A part: consecutive blocks of one day as files, a file for each table and currency, written aside. Nobody sees any of it
//! before the directory commits it as a whole.

use std::collections::BTreeMap;

use feiqian_runtime::book::SealedBlock;
use feiqian_runtime::storage::Storage;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use crate::directory::{Placed, STAGING};
use crate::error::ArchiveError;
use crate::schema::{Table, VERSION, properties};
use crate::sink::Sink;
use crate::tables::{Blocks, Outcomes, Positions, Rows, Transfers, write_rows};

/// Rows of one currency.
#[derive(Default)]
pub(crate) struct CurrencyRows {
    pub(crate) transfers: Transfers,
    pub(crate) outcomes: Outcomes,
    pub(crate) positions: Positions,
}

impl CurrencyRows {
    fn len(&self) -> usize {
        self.transfers.len() + self.outcomes.len() + self.positions.len()
    }
}

struct TableFile<S: Storage> {
    writer: SerializedFileWriter<Sink<S::File>>,
    staged: String,
}

/// What is being written.
pub(crate) struct Part<S: Storage> {
    storage: S,
    day: String,
    first: u64,
    /// Rows that wait, by currency.
    rows: BTreeMap<&'static str, CurrencyRows>,
    blocks: Blocks,
    files: BTreeMap<(Table, &'static str), TableFile<S>>,
    buffered_max: usize,
}

/// What a finished part consists of.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its files, those of the blocks last.
    pub(crate) files: Vec<Placed>,
    /// Their lengths together.
    pub(crate) bytes: u64,
}

impl<S: Storage> Part<S> {
    pub(crate) fn new(storage: S, (day, first): (String, u64), buffered_max: usize) -> Self {
        Self {
            storage,
            day,
            first,
            rows: BTreeMap::new(),
            blocks: Blocks::default(),
            files: BTreeMap::new(),
            buffered_max,
        }
    }

    pub(crate) fn day(&self) -> &str {
        &self.day
    }

    /// Where rows of a currency are put.
    pub(crate) fn rows(&mut self, currency: &'static str) -> &mut CurrencyRows {
        self.rows.entry(currency).or_default()
    }

    pub(crate) fn block(&mut self, block: &SealedBlock) -> Result<(), ArchiveError> {
        self.blocks.push(block);
        self.make_room()
    }

    /// Writes out the blocks, or the currencies with the most rows, while more wait than may.
    pub(crate) fn make_room(&mut self) -> Result<(), ArchiveError> {
        while self.waiting() > self.buffered_max {
            let largest = self.rows.iter().max_by_key(|(_, rows)| rows.len());
            match largest.filter(|(_, rows)| rows.len() > self.blocks.len()).map(|(currency, _)| *currency) {
                Some(currency) => self.write(currency)?,
                None => self.write_blocks()?,
            }
        }
        Ok(())
    }

    /// Rows of all tables that wait.
    fn waiting(&self) -> usize {
        self.blocks.len() + self.rows.values().map(CurrencyRows::len).sum::<usize>()
    }

    /// Writes the rest, makes the files durable, and says where they belong.
    pub(crate) fn finish(mut self, last: u64) -> Result<Finished, ArchiveError> {
        let currencies: Vec<&'static str> = self.rows.keys().copied().collect();
        for currency in currencies {
            self.write(currency)?;
        }
        self.write_blocks()?;
        let mut finished = Finished { files: Vec::new(), bytes: 0 };
        for ((table, currency), file) in std::mem::take(&mut self.files) {
            let TableFile { writer, staged } = file;
            finished.bytes += close(writer, last).map_err(|fault| fault.at(&staged))?;
            let path = format!("{}/{:012}-{last:012}.parquet", self.partition(table, currency), self.first);
            finished.files.push(Placed { staged, path });
        }
        self.storage.sync_directory(STAGING)?;
        Ok(finished)
    }

    fn partition(&self, table: Table, currency: &str) -> String {
        let (table, day) = (table.name(), &self.day);
        match currency {
            "" => format!("{table}/day={day}"),
            currency => format!("{table}/day={day}/currency={currency}"),
        }
    }

    fn write(&mut self, currency: &'static str) -> Result<(), ArchiveError> {
        let Some(mut rows) = self.rows.remove(currency) else { return Ok(()) };
        self.write_table(currency, &mut rows.transfers)?;
        self.write_table(currency, &mut rows.outcomes)?;
        self.write_table(currency, &mut rows.positions)
    }

    fn write_blocks(&mut self) -> Result<(), ArchiveError> {
        let mut blocks = std::mem::take(&mut self.blocks);
        self.write_table("", &mut blocks)
    }

    fn write_table<R: Rows>(&mut self, currency: &'static str, rows: &mut R) -> Result<(), ArchiveError> {
        if rows.len() == 0 {
            return Ok(());
        }
        let number = self.files.len();
        let file = match self.files.entry((R::TABLE, currency)) {
            std::collections::btree_map::Entry::Occupied(file) => file.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                let staged = format!("{STAGING}/{:012}-{number}.parquet", self.first);
                let sink = Sink::create(&self.storage, &staged)?;
                let writer =
                    begin(R::TABLE, sink, self.first).map_err(|fault| Fault::from(fault).at(&staged))?;
                free.insert(TableFile { writer, staged })
            }
        };
        let group = file.writer.next_row_group();
        let written = group.and_then(|group| write_rows(rows, group));
        written.map_err(|fault| Fault::from(fault).at(&file.staged))
    }
}

/// What may go wrong with a file.
enum Fault {
    Parquet(ParquetError),
    Storage(feiqian_runtime::storage::StorageFault),
}

impl From<ParquetError> for Fault {
    fn from(fault: ParquetError) -> Self {
        Self::Parquet(fault)
    }
}

impl Fault {
    fn at(self, path: &str) -> ArchiveError {
        match self {
            Self::Parquet(fault) => {
                ArchiveError::Parquet { path: path.to_owned(), reason: fault.to_string() }
            }
            Self::Storage(fault) => fault.into(),
        }
    }
}

fn begin<F: feiqian_runtime::storage::StorageFile>(
    table: Table,
    sink: Sink<F>,
    first: u64,
) -> Result<SerializedFileWriter<Sink<F>>, ParquetError> {
    let mut writer = SerializedFileWriter::new(sink, table.parsed()?, properties())?;
    let about = [
        ("version", VERSION.to_string()),
        ("table", table.name().to_owned()),
        ("first_block", first.to_string()),
    ];
    for (key, value) in about {
        writer.append_key_value_metadata(KeyValue::new(format!("feiqian.archive.{key}"), value));
    }
    Ok(writer)
}

fn close<F: feiqian_runtime::storage::StorageFile>(
    mut writer: SerializedFileWriter<Sink<F>>,
    last: u64,
) -> Result<u64, Fault> {
    let key = "feiqian.archive.last_block".to_owned();
    writer.append_key_value_metadata(KeyValue::new(key, last.to_string()));
    writer.into_inner()?.finish().map_err(Fault::Storage)
}
