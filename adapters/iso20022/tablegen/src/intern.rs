//! Merges the schemas of all messages: equal types, simple types, value lists and names are kept once.
//!
//! Types are numbered by structure, not by name, so the versions of a message share what did not change.

use std::collections::BTreeMap;

use crate::xsd::{Complex, Schema, Simple};

/// A type by structure, its parts by number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    /// Name, type, least and most occurrences, group.
    Elements(Vec<(String, usize, u8, u8, u16)>),
    Simple(usize),
    /// Simple type of the text, attribute's name, simple type of the attribute.
    Valued(usize, String, usize),
    Any {
        signature: bool,
    },
}

/// All messages with the types that they share.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) types: Vec<Type>,
    pub(crate) simple: Vec<Simple>,
    /// Message, root element, type.
    pub(crate) messages: Vec<(String, String, usize)>,
    type_ids: BTreeMap<Type, usize>,
    simple_ids: BTreeMap<Simple, usize>,
}

impl Tables {
    pub(crate) fn add(&mut self, schema: &Schema) -> Result<(), String> {
        let (root, kind) = &schema.root;
        let root_type = self.resolve(schema, kind, 0)?;
        self.messages.push((schema.message.clone(), root.clone(), root_type));
        Ok(())
    }

    pub(crate) fn summary(&self) -> String {
        let (messages, types, simple) = (self.messages.len(), self.types.len(), self.simple.len());
        format!("{messages} schemas, {types} types, {simple} simple types")
    }

    fn resolve(&mut self, schema: &Schema, name: &str, depth: usize) -> Result<usize, String> {
        if depth > 64 {
            return Err(format!("type {name} nests deeper than 64: recursive types are not supported"));
        }
        let Some(complex) = schema.complex.get(name) else {
            let simple = self.simple(schema, name)?;
            return Ok(self.number(Type::Simple(simple)));
        };
        let kind = match complex {
            Complex::Any { signature } => Type::Any { signature: *signature },
            Complex::Valued { base, attribute, attribute_type } => {
                let text = self.simple(schema, base)?;
                Type::Valued(text, attribute.clone(), self.simple(schema, attribute_type)?)
            }
            Complex::Elements(elements) => {
                let mut parts = Vec::with_capacity(elements.len());
                for element in elements {
                    let kind = self.resolve(schema, &element.kind, depth + 1)?;
                    parts.push((element.name.clone(), kind, element.min, element.max, element.group));
                }
                Type::Elements(parts)
            }
        };
        Ok(self.number(kind))
    }

    fn simple(&mut self, schema: &Schema, name: &str) -> Result<usize, String> {
        let simple = schema.simple.get(name).ok_or_else(|| format!("type {name} is not defined"))?;
        let next = self.simple.len();
        let id = *self.simple_ids.entry(simple.clone()).or_insert(next);
        if id == next {
            self.simple.push(simple.clone());
        }
        Ok(id)
    }

    fn number(&mut self, kind: Type) -> usize {
        let next = self.types.len();
        let id = *self.type_ids.entry(kind.clone()).or_insert(next);
        if id == next {
            self.types.push(kind);
        }
        id
    }
}
