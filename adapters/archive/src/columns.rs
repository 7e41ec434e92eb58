//! Columns of rows that wait to be written, each of one type, with or without nulls.

use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;

/// Cells of one column.
pub(crate) trait Cells {
    /// Writes them as a column chunk.
    fn write(&self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError>;
    /// Forgets them.
    fn clear(&mut self);
}

/// A column without nulls.
pub(crate) struct Column<T: DataType>(Vec<T::T>);

/// A column with nulls: the values that are there, and of each row whether it has one.
pub(crate) struct Nullable<T: DataType> {
    values: Vec<T::T>,
    levels: Vec<i16>,
}

/// 64 bits; Parquet stores unsigned numbers by their bits.
pub(crate) type Numbers = Column<Int64Type>;
pub(crate) type NullableNumbers = Nullable<Int64Type>;
pub(crate) type SmallNumbers = Column<Int32Type>;
pub(crate) type NullableSmallNumbers = Nullable<Int32Type>;
pub(crate) type Texts = Column<ByteArrayType>;
pub(crate) type NullableTexts = Nullable<ByteArrayType>;
pub(crate) type Bytes = Column<FixedLenByteArrayType>;
pub(crate) type NullableBytes = Nullable<FixedLenByteArrayType>;

impl<T: DataType> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: DataType> Default for Nullable<T> {
    fn default() -> Self {
        Self { values: Vec::new(), levels: Vec::new() }
    }
}

impl<T: DataType> Column<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, value: T::T) {
        self.0.push(value);
    }
}

impl<T: DataType> Nullable<T> {
    pub(crate) fn push(&mut self, value: Option<T::T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

impl Numbers {
    pub(crate) fn number(&mut self, value: u64) {
        self.push(value.cast_signed());
    }
}

impl NullableNumbers {
    pub(crate) fn number(&mut self, value: Option<u64>) {
        self.push(value.map(u64::cast_signed));
    }
}

impl Texts {
    pub(crate) fn text(&mut self, value: &'static str) {
        self.push(ByteArray::from(value));
    }
}

impl NullableTexts {
    pub(crate) fn text(&mut self, value: Option<&'static str>) {
        self.push(value.map(ByteArray::from));
    }
}

impl Bytes {
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.push(value.to_vec().into());
    }

    /// A 128-bit number, its most significant byte first.
    pub(crate) fn wide(&mut self, value: i128) {
        self.bytes(&value.to_be_bytes());
    }
}

impl NullableBytes {
    pub(crate) fn bytes(&mut self, value: Option<&[u8]>) {
        self.push(value.map(|value| value.to_vec().into()));
    }
}

impl<T: DataType> Cells for Column<T> {
    fn write(&self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        to.typed::<T>().write_batch(&self.0, None, None).map(drop)
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: DataType> Cells for Nullable<T> {
    fn write(&self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        to.typed::<T>().write_batch(&self.values, Some(&self.levels), None).map(drop)
    }

    fn clear(&mut self) {
        self.values.clear();
        self.levels.clear();
    }
}
