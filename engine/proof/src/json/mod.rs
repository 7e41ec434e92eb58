//! The JSON form of a proof: the same fields by name, for people and for programs that have no binary reader.
//!
//! Objects, lists and strings alone: integers are decimal strings, bytes are lower-case hexadecimal, so no reader
//! rounds anything. Each proof has one text as written; reading takes any order of members and any white space and
//! refuses unknown, missing and repeated members, escapes, and any other form of a number. What is read goes
//! through the binary reader, so nothing passes here that it would refuse.

mod read;
mod text;
mod write;

pub use read::{JsonError, from_file, from_json};
pub use write::to_json;
