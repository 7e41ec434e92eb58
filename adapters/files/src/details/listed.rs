//! A list as JSON says it, and kept as that: what an item says next to nothing in takes no more than these bytes. Each is read
//! when it is asked for. Written it is the same JSON again, byte for byte.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Strings or objects, in order. Bounded by the size of the details that it stands in, whatever their number.
#[derive(Clone)]
pub struct Listed<T> {
    /// One behind the other: strings and objects end by themselves.
    json: Vec<u8>,
    count: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Listed<T> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<T: DeserializeOwned> Listed<T> {
    /// All, each read anew.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        let all = serde_json::Deserializer::from_slice(&self.json).into_iter::<T>();
        all.map(|one| one.expect("what was written can be read"))
    }
}

impl<T: Serialize + DeserializeOwned> Listed<T> {
    /// Leaves out what is behind the first so many.
    pub fn truncate(&mut self, count: usize) {
        *self = self.iter().take(count).collect();
    }

    fn add(&mut self, one: &T) {
        serde_json::to_writer(&mut self.json, one).expect("texts always have a JSON form");
        self.count += 1;
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { json: Vec::new(), count: 0, of: PhantomData }
    }
}

impl<T> PartialEq for Listed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl<T> Eq for Listed<T> {}

impl<T: DeserializeOwned + fmt::Debug> fmt::Debug for Listed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Serialize + DeserializeOwned> FromIterator<T> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut list = Self::default();
        all.into_iter().for_each(|one| list.add(&one));
        list
    }
}

impl<T: Serialize + DeserializeOwned> Serialize for Listed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de, T: Serialize + DeserializeOwned> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<fn() -> T>);
        impl<'de, T: Serialize + DeserializeOwned> Visitor<'de> for Items<T> {
            type Value = Listed<T>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Listed<T>, A::Error> {
                let mut list = Listed::default();
                while let Some(one) = all.next_element()? {
                    list.add(&one);
                }
                Ok(list)
            }
        }
        from.deserialize_seq(Items(PhantomData))
    }
}
