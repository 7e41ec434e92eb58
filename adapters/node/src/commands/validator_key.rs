//! `feiqian validator-key`: a validator's key, and the line by which operators and policies know it.

use std::fmt;
use std::path::Path;

use feiqian_proof::cosignature::witness_key;
use feiqian_proof::note::is_key_name;
use feiqian_proof::signature::PublicKey;
use serde::Serialize;

use crate::fault::Fault;
use crate::keys::read_or_make;
use crate::output::Output;

#[derive(Serialize)]
struct ValidatorKey {
    name: String,
    key: String,
    /// For `[follow] validators` and `[witnesses] groups`.
    verifier_key: String,
}

impl fmt::Display for ValidatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.verifier_key)
    }
}

pub(super) fn validator_key(output: Output, path: &Path, name: &str) -> Result<(), Fault> {
    // Before the key: a wrong name leaves no file.
    let is_name = is_key_name(name) && name.bytes().all(|byte| byte.is_ascii_graphic());
    let usage = || Fault::Usage(format!("--name {name:?}: visible ASCII without spaces and +"));
    if !is_name {
        return Err(usage());
    }
    let key = read_or_make(path)?;
    let verifier = witness_key(name, PublicKey::of(&key)).map_err(|_| usage())?;
    output.report(&ValidatorKey {
        name: name.to_owned(),
        key: path.display().to_string(),
        verifier_key: verifier.to_string(),
    });
    Ok(())
}
