//! What a process has used, as the kernel counts it in /proc.

use serde::{Deserialize, Serialize};

/// Clock ticks in a second of /proc/PID/stat: 100 on every Linux that runs this.
const TICKS: u64 = 100;

/// Of one process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// The most memory that was resident at once (`VmHWM`), bytes.
    pub memory_peak_bytes: u64,
    /// Processor time of all its threads, milliseconds.
    pub cpu_ms: u64,
}

impl Usage {
    /// Of a process by its id; none if it is gone or there is no /proc.
    #[must_use]
    pub fn of(process: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        Some(Self { memory_peak_bytes: peak(&status)?, cpu_ms: cpu_ms(&stat)? })
    }

    /// Peak so far, and the time used since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self { cpu_ms: self.cpu_ms.saturating_sub(earlier.cpu_ms), ..self }
    }
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// Fields 14 and 15, counted behind the name in parentheses, which may hold anything.
fn cpu_ms(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some((user + system) * 1_000 / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        assert_eq!(peak("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(cpu_ms("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0"), Some(3_000));
        assert!(Usage::of(std::process::id()).is_some_and(|usage| usage.memory_peak_bytes > 0));
    }
}
