//! Threads that nobody waits for give way to those that answers wait for, where cores are few.

/// How far behind: a thread that answers wait for gets three times the share of a core.
const NICENESS: i32 = 5;

/// Puts the calling thread behind the others. Where the system refuses, it stays as it is: only latency differs.
pub fn give_way() {
    // Of the thread, and not of the process, on Linux alone.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}
