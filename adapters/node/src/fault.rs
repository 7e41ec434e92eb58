//! How a command fails: six kinds, each with the exit code that `feiqian --help` documents. Every message names
//! the file, the field and the way out; nothing is reported here, `main` does that once.

use feiqian_archive::ArchiveError;
use feiqian_files::FilesError;
use feiqian_runtime::admission::Busy;
use feiqian_runtime::machine::OpenError;
use feiqian_runtime::query::QueryFault;
use feiqian_runtime::storage::files::OpenFault;

/// The exit codes, as help and README print them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done, and every check held
  1  a check failed: a receipt, an audit, a replay, a check of the demo
  2  the command line or a configuration file is wrong
  3  the data directory can't be used: missing, locked, damaged, or its key is not here
  4  the engine refused: a command was rejected, or it is too busy
  5  what was asked for is not there: a transfer, an account, a block, a cycle
  6  a file could not be read or written";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A check that the command was run for does not hold.
    #[error("{0}")]
    Check(String),
    /// The command line or a configuration file is wrong.
    #[error("{0}")]
    Usage(String),
    /// The data directory can't be used.
    #[error("{0}")]
    Data(String),
    /// The engine said no.
    #[error("{0}")]
    Refused(String),
    /// What was asked for is not there.
    #[error("{0}")]
    Absent(String),
    /// A file could not be read or written.
    #[error("{0}")]
    File(String),
}

impl Fault {
    /// The process's exit code.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Check(_) => 1,
            Self::Usage(_) => 2,
            Self::Data(_) => 3,
            Self::Refused(_) => 4,
            Self::Absent(_) => 5,
            Self::File(_) => 6,
        }
    }

    /// A disk fault at a path: `what` is what was being done.
    pub fn file(path: &std::path::Path, what: &str, source: &std::io::Error) -> Self {
        Self::File(format!("{}: can't {what}: {source}", path.display()))
    }

    /// A data directory that does not open.
    #[must_use]
    pub fn open(data: &std::path::Path, error: &OpenError) -> Self {
        let way = match error {
            OpenError::Directory(OpenFault::InUse { .. }) => {
                "; beside a running `feiqian serve`, its API tells and proves the same"
            }
            _ => "",
        };
        Self::Data(format!("data directory {}: {error}{way}", data.display()))
    }
}

impl From<FilesError> for Fault {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Busy | FilesError::Closing => Self::Refused(error.to_string()),
            FilesError::Unknown(text) => Self::Absent(text),
            FilesError::Journal { .. } => Self::Data(format!("{error}: run `feiqian audit`")),
            FilesError::Io { .. } | FilesError::Changed { .. } => Self::File(error.to_string()),
        }
    }
}

impl From<ArchiveError> for Fault {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Engine(fault) => fault.into(),
            ArchiveError::OtherBegin { .. } => Self::Usage(error.to_string()),
            _ => Self::File(error.to_string()),
        }
    }
}

impl From<Busy> for Fault {
    fn from(busy: Busy) -> Self {
        Self::Refused(busy.to_string())
    }
}

impl From<QueryFault> for Fault {
    fn from(fault: QueryFault) -> Self {
        match fault {
            QueryFault::NotSealed(_) => Self::Absent(fault.to_string()),
            _ => Self::Data(format!("{fault}: run `feiqian audit`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_exit_code() {
        let text = String::new;
        let all = [
            Fault::Check(text()),
            Fault::Usage(text()),
            Fault::Data(text()),
            Fault::Refused(text()),
            Fault::Absent(text()),
            Fault::File(text()),
        ];
        for fault in all {
            assert!(EXIT_CODES.contains(&format!("\n  {}  ", fault.exit_code())), "{fault:?}");
        }
    }
}
