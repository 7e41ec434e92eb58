//! Writing consumer-presented codes: only those that the reader accepts leave this module.

use std::fmt;

use super::ber::{self, Objects, Tag};
use super::card::{Pan, Track2};
use super::code::{self, ConsumerCode};
use crate::error::Error;

#[derive(Clone, PartialEq, Eq)]
enum Value {
    Bytes(Vec<u8>),
    Template(DataObjects),
}

/// The data objects of a payload or template, in the order in which they are put in. Its `Debug` shows tags only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DataObjects {
    objects: Vec<(Tag, Value)>,
}

impl DataObjects {
    /// No data objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The beginning of a payload: the payload format indicator (85).
    #[must_use]
    pub fn payload() -> Self {
        Self::new().with(Tag::PAYLOAD_FORMAT, code::format())
    }

    /// The beginning of an application template (61): its application identifier (4F).
    #[must_use]
    pub fn application(adf_name: &[u8]) -> Self {
        Self::new().with(Tag::ADF_NAME, adf_name)
    }

    pub(super) fn copy(objects: Objects<'_>) -> Self {
        let objects = objects.map(|object| {
            let value = if object.tag.is_template() {
                Value::Template(Self::copy(object.objects()))
            } else {
                Value::Bytes(object.value.to_vec())
            };
            (object.tag, value)
        });
        Self { objects: objects.collect() }
    }

    /// One more data object.
    #[must_use]
    pub fn with(mut self, tag: Tag, value: &[u8]) -> Self {
        self.objects.push((tag, Value::Bytes(value.to_vec())));
        self
    }

    /// One more template.
    #[must_use]
    pub fn template(mut self, tag: Tag, objects: Self) -> Self {
        self.objects.push((tag, Value::Template(objects)));
        self
    }

    /// Application PAN (5A).
    #[must_use]
    pub fn pan(self, pan: &Pan) -> Self {
        self.with(Tag::PAN, &pan.to_compressed())
    }

    /// Track 2 equivalent data (57).
    #[must_use]
    pub fn track2(self, track: &Track2) -> Self {
        self.with(Tag::TRACK2, &track.to_bytes())
    }

    fn bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        for (tag, value) in &self.objects {
            match value {
                Value::Bytes(bytes) => ber::write(&mut out, *tag, bytes)?,
                Value::Template(objects) => ber::write(&mut out, *tag, &objects.bytes()?)?,
            }
        }
        Ok(out)
    }

    /// Writes the payload, and reads it before it is handed out.
    ///
    /// # Errors
    /// What [`ConsumerCode::from_bytes`] says of it.
    pub fn build(&self) -> Result<ConsumerCode, Error> {
        ConsumerCode::from_bytes(self.bytes()?)
    }
}

impl fmt::Debug for DataObjects {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.objects.iter().map(|(tag, _)| tag)).finish()
    }
}
