//! `feiqian takeover`: makes a data directory the operator's and begins the next epoch, by hand. Whoever runs it has
//! seen to it that the old operator is lost; the epoch makes sure that nobody who follows the new one believes the old.
//!
//! Blocks are signed with the same operator's key as before, which the genesis names: it must be brought along.

use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use feiqian_core::bic::Bic;
use feiqian_proof::signature::PublicKey;
use feiqian_runtime::follow::{Alarm, accept_unsigned};
use feiqian_runtime::identity::Identity;
use feiqian_runtime::machine::{Machine, OpenError};
use feiqian_runtime::storage::files::FileStorage;
use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::keys::{operator_key_path, read_secret, write_operator_key};
use crate::session::{OPERATOR_FILE, PROMOTED_FILE, check_is_there, write_operator};

#[derive(Serialize)]
struct TakenOver {
    data: String,
    epoch: u32,
    height: u64,
    entries: u64,
}

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data, epoch, height, entries } = self;
        writeln!(
            f,
            "{data} leads from now on: epoch {epoch}, block {height}, {entries} entries; start it with"
        )?;
        writeln!(f, "  feiqian serve --data {data}")
    }
}

pub(super) fn takeover(
    context: &Context,
    operator_key: Option<&Path>,
    operator: Option<&str>,
    accepts_unsigned: bool,
) -> Result<(), Fault> {
    let data = &context.data;
    check_is_there(data)?;
    let own = operator_key_path(data);
    let key = read_secret(operator_key.unwrap_or(&own))?;
    let bic = operator.map(Bic::parse).transpose();
    let bic = bic.map_err(|error| Fault::Usage(format!("--operator {error}")))?;
    let has_operator = data.join(OPERATOR_FILE).exists();
    if !has_operator && bic.is_none() {
        let way = "name the operator with --operator BIC";
        return Err(Fault::Usage(format!("{}: {OPERATOR_FILE} is not there; {way}", data.display())));
    }
    let storage = FileStorage::open(data).map_err(|error| Fault::Data(error.to_string()))?;
    let identity = Identity::read(&storage).map_err(|error| Fault::Data(error.to_string()))?;
    if identity.operator != PublicKey::of(&key) {
        return Err(Fault::Data("the key is not the one that signs this chain's blocks".to_owned()));
    }
    if let Some(alarm) = Alarm::standing(&storage).map_err(|error| Fault::Data(error.to_string()))? {
        let way = "look at it first (`feiqian verify-evidence`), or take another validator's directory";
        return Err(Fault::Data(format!("{}: an alarm stands here: {}; {way}", data.display(), alarm.what)));
    }
    if accepts_unsigned {
        accept_unsigned(&storage).map_err(|error| Fault::Data(error.to_string()))?;
    }
    let options = context.config.engine_options(data).of_machine();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    let taken = Machine::take_over(storage, options, key.clone(), now);
    let (machine, epoch) = taken.map_err(|error| match error {
        OpenError::Unsigned { .. } => Fault::Data(format!(
            "data directory {}: {error}: take a directory that followed the operator itself, or, after having looked, \
             --accept-unsigned",
            data.display()
        )),
        error => Fault::open(data, &error),
    })?;
    let (height, entries) = (machine.book().sealer().height(), machine.journal().head().sequence);
    machine.close().map_err(|error| Fault::Data(error.to_string()))?;
    let promoted = data.join(PROMOTED_FILE);
    std::fs::create_dir_all(data.join("validator"))
        .and_then(|()| std::fs::write(&promoted, format!("epoch {epoch}\n")))
        .map_err(|error| Fault::file(&promoted, "write it down", &error))?;
    if !own.exists() {
        write_operator_key(data, &key)?;
    }
    if let Some(bic) = bic.filter(|_| !has_operator) {
        write_operator(data, bic)?;
    }
    context.output.report(&TakenOver { data: data.display().to_string(), epoch, height, entries });
    Ok(())
}
