//! `feiqian init`: begins a data directory with fresh keys and puts a participants file in force.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Context;
use crate::fault::Fault;
use crate::founding::{Founded, found};
use crate::keys::operator_public_path;
use crate::participants::House;
use crate::session::{Session, Start};

#[derive(Serialize)]
struct InitReport {
    data: String,
    chain_id: String,
    operator_key: String,
    operator_key_file: String,
    founded: Founded,
}

impl fmt::Display for InitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Founded { participants, positions, accounts, aliases, funded } = self.founded;
        writeln!(f, "data directory    {}", self.data)?;
        writeln!(f, "chain             {}", self.chain_id)?;
        writeln!(f, "operator's key    {} (for the banks: {})", self.operator_key, self.operator_key_file)?;
        writeln!(
            f,
            "put in force      {participants} participants, {positions} positions, {accounts} accounts,"
        )?;
        writeln!(f, "                  {aliases} aliases, {funded} accounts funded")?;
        writeln!(f, "Put keys/officer-2.key on another medium before there is money here.")
    }
}

pub(super) fn init(
    context: &Context,
    file: &Path,
    resume: bool,
    officer_keys: &[PathBuf],
) -> Result<(), Fault> {
    let house = House::read(file)?;
    let session = match resume {
        true => Session::open(&context.data, &context.config, officer_keys)?,
        false => Session::create(&context.data, &context.config, house.operator, &Start::random()?)?,
    };
    let founded = found(&session, &house).map_err(|fault| match fault {
        Fault::Refused(text) => Fault::Refused(format!("{text}; mend it, then run init with --resume")),
        other => other,
    });
    let folders = session.intake_options(&context.config);
    session.close();
    folders?;
    context.output.report(&InitReport {
        data: context.data.display().to_string(),
        chain_id: feiqian_identity::hex::encode(&session.genesis.chain_id),
        operator_key: session.genesis.operator_key.to_string(),
        operator_key_file: operator_public_path(&context.data).display().to_string(),
        founded: founded?,
    });
    Ok(())
}
