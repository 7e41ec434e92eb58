//! Pictures of codes, read by a process of its own. The crate that finds the symbol is large and not hardened as parsers here
//! are; it may panic, and releases end the process then. So a stranger's picture never meets it in the process that has the
//! money: a child gets the picture on its standard input and says what it has found, in a bounded time, or is killed.
//!
//! ```text
//! child's standard output:   code\nPAYLOAD   none\n (no code in it)   unreadable\n (no picture)   anything else: it has failed
//! ```

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::limits::SCAN_ANSWER_BYTES_MAX;

/// What the child says before a payload.
pub const FOUND: &str = "code";
/// What it says of a picture without a code.
pub const NO_CODE: &str = "none";
/// What it says of what is no picture, or too large a one.
pub const NO_PICTURE: &str = "unreadable";

/// The program that reads pictures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scanner {
    /// Its file.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// How long it may take; it is killed then.
    pub time_max: Duration,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Scanned {
    Payload(String),
    NoCode,
    NoPicture,
    /// The child was late, has failed, or said something else.
    Failed,
}

impl Scanner {
    /// Has a picture read. Whoever no longer waits for it has ended the child, too.
    pub(crate) async fn scan(&self, picture: &[u8]) -> Scanned {
        let spawned = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut child) = spawned else { return Scanned::Failed };
        let told = timeout(self.time_max, talk(&mut child, picture)).await;
        if let Ok(Some(said)) = told {
            return said_by(&said);
        }
        // By its own id, and waited for, so that no dead ones pile up.
        let _ = child.kill().await;
        Scanned::Failed
    }
}

/// Gives the child the picture and takes its answer; none where it has failed.
async fn talk(child: &mut Child, picture: &[u8]) -> Option<Vec<u8>> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that has seen enough closes its end.
            let _ = stdin.write_all(picture).await;
        }
    };
    let listen = async {
        let mut said = Vec::new();
        let read = stdout?.take(SCAN_ANSWER_BYTES_MAX + 1).read_to_end(&mut said).await;
        read.ok().map(|_| said).filter(|said| said.len() as u64 <= SCAN_ANSWER_BYTES_MAX)
    };
    let ((), said) = tokio::join!(feed, listen);
    let said = said?;
    let status = child.wait().await.ok()?;
    status.success().then_some(said)
}

fn said_by(said: &[u8]) -> Scanned {
    let text = std::str::from_utf8(said).unwrap_or_default();
    match text.split_once('\n') {
        Some((FOUND, payload)) if !payload.is_empty() => Scanned::Payload(payload.to_owned()),
        Some((NO_CODE, "")) => Scanned::NoCode,
        Some((NO_PICTURE, "")) => Scanned::NoPicture,
        _ => Scanned::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use actix_web::rt::System;

    use super::*;

    fn scan(script: &str, picture: &[u8], time_max: Duration) -> Scanned {
        let scanner = Scanner {
            program: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            time_max,
        };
        System::new().block_on(async { scanner.scan(picture).await })
    }

    #[test]
    fn whatever_a_child_does_is_an_answer() {
        let patient = Duration::from_secs(60);
        let rows = [
            ("cat >/dev/null; printf 'code\\n000201'", Scanned::Payload("000201".to_owned())),
            ("cat >/dev/null; printf 'none\\n'", Scanned::NoCode),
            ("printf 'unreadable\\n'", Scanned::NoPicture),
            ("printf 'code\\n'", Scanned::Failed),
            ("printf 'code\\n000201'; exit 1", Scanned::Failed),
            ("kill -SEGV $$", Scanned::Failed),
            ("head -c 100000000 /dev/zero", Scanned::Failed),
            ("", Scanned::Failed),
        ];
        let picture = vec![7; 1 << 20];
        for (script, expected) in rows {
            assert_eq!(scan(script, &picture, patient), expected, "{script}");
        }
        let missing = Scanner { program: "/nowhere".into(), arguments: Vec::new(), time_max: patient };
        assert_eq!(System::new().block_on(async { missing.scan(b"").await }), Scanned::Failed);
    }

    #[test]
    fn a_child_that_is_late_is_killed_by_its_id() {
        let file = std::env::temp_dir().join(format!("feiqian-scanner-{}", std::process::id()));
        let script = format!("echo $$ > {}; exec sleep 600", file.display());
        let begun = Instant::now();
        assert_eq!(scan(&script, &[7; 1 << 20], Duration::from_millis(500)), Scanned::Failed);
        assert!(begun.elapsed() < Duration::from_secs(60));
        let id = std::fs::read_to_string(&file).expect("it ran");
        let process = PathBuf::from(format!("/proc/{}", id.trim()));
        assert!(!process.exists(), "it is gone, and was waited for");
        std::fs::remove_file(file).expect("removed");
    }
}
