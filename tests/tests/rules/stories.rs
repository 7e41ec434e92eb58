//! How many stories a property reads, and whose seed is printed when one fails.

/// Prints the seed if the test panics while this is alive, wherever it does.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "the seed is what repeats the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the story of seed {} failed", self.0);
        }
    }
}

/// Stories that a property reads, of the usual 300.
fn count(per_300: u64) -> u64 {
    let wanted = std::env::var("FEIQIAN_STORIES").ok().map(|text| text.parse().expect("a number of stories"));
    (wanted.unwrap_or(300) * per_300 / 300).max(1)
}

/// Tells each story to `tell`; `per_300` says how many of the usual 300.
pub(crate) fn each(per_300: u64, tell: impl Fn(u64)) {
    for seed in 1..=count(per_300) {
        let _seed = Seed(seed);
        tell(seed);
    }
}
