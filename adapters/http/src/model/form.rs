//! The forms in which JSON says a thing: what has fields is an object, a word is a string. serde alone would take an array
//! of a struct's fields in their order, and an object of one field for a word, which the description does not say: a body
//! `[null, null]` would post a hold in full.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// Reads each type as an object alone. They derive `Deserialize` with `#[serde(remote = "Self")]`, which makes of it a
/// function of the type's own.
macro_rules! objects {
    ($($name:ident),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, fields: A) -> Result<$name, A::Error> {
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(fields))
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }
    )*};
}

/// Reads each type as a string alone; otherwise as [`objects`].
macro_rules! words {
    ($($name:ident),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<$name, E> {
                        $name::deserialize(serde::de::value::StrDeserializer::new(word))
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    )*};
}

/// Reads a list of which no more than one item beyond `MOST` is kept: enough for the handler to refuse it, whatever its length.
pub(super) fn bounded<'de, const MOST: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Items<T, const MOST: usize>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while items.len() <= MOST {
                let Some(item) = list.next_element()? else { return Ok(items) };
                if items.len() == items.capacity() {
                    // By quarters: old and new together are little more than twice what is there.
                    items.reserve_exact(1.max(items.len() / 4));
                }
                items.push(item);
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(items)
        }
    }
    deserializer.deserialize_seq(Items::<T, MOST>(PhantomData))
}

pub(crate) use {objects, words};
