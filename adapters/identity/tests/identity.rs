//! Proofs of identity from outside: what is taken, and each thing that is not.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod identity {
    mod api_keys;
    mod certificates;
    mod register;
    mod request;
    mod signatures;
}
