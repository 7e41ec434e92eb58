//! `feiqian verify-evidence FILE --key KEY`: judges what a validator has found, from the file, the operator's public key
//! and, where it takes one, a data directory of the chain. Changes nothing.

use std::fmt;
use std::path::Path;

use feiqian_runtime::follow::{Evidence, Verdict, judge};
use feiqian_runtime::storage::files::FileStorage;
use serde::Serialize;

use crate::fault::Fault;
use crate::keys::read_public;
use crate::output::Output;
use crate::session::check_is_there;

#[derive(Serialize)]
struct Judged {
    convicts: bool,
    chain_id: String,
    operator: String,
    what: String,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "convicts: {}", self.what)?;
        writeln!(f, "  operator {} of chain {}", self.operator, self.chain_id)
    }
}

pub(super) fn verify_evidence(
    output: Output,
    (file, key): (&Path, &str),
    data: Option<&Path>,
) -> Result<(), Fault> {
    let key = read_public(key)?;
    let bytes = std::fs::read(file).map_err(|error| Fault::file(file, "read the evidence", &error))?;
    let refused = |error: &dyn fmt::Display| Fault::Check(format!("{}: {error}", file.display()));
    let evidence = Evidence::decode(&bytes).map_err(|error| refused(&error))?;
    let storage = data.map(|data| {
        check_is_there(data)?;
        FileStorage::open(data).map_err(|error| Fault::Data(error.to_string()))
    });
    let verdict = judge(&evidence, &key, storage.transpose()?).map_err(|error| refused(&error))?;
    let what = match verdict {
        Verdict::Convicts(what) => what,
        Verdict::Undecided(what) => return Err(refused(&format!("undecided: {what}"))),
        Verdict::Refuted(what) => return Err(refused(&format!("refuted: {what}"))),
    };
    let identity = evidence.identity();
    output.report(&Judged {
        convicts: true,
        chain_id: feiqian_identity::hex::encode(&identity.chain_id),
        operator: identity.operator.to_string(),
        what,
    });
    Ok(())
}
