//! A running engine in a directory of its own, and how the tests talk to it. Whatever hangs is a failure.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use feiqian_core::batch::{Batch, Payload, command_bytes};
use feiqian_core::command::Entry;
use feiqian_core::frame::FrameKind;
use feiqian_core::outcome::OutcomeRow;
use feiqian_runtime::journal::SequencedFrame;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_tests::picture::Picture;
use feiqian_tests::story::Story;
use feiqian_tests::world::{World, operator_key};

/// Far above what any test takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test that must end by itself.
pub(crate) fn in_time(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let thread = std::thread::spawn(move || {
        test();
        // Nobody listens any more where the patience has ended.
        let _ = done.send(());
    });
    match is_done.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        // A test that failed drops its end; joining gives its panic.
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// A data directory that is removed at the end.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) options: EngineOptions,
}

impl House {
    /// An empty directory. Blocks are sealed on command alone, so that two runs have the same order.
    pub(crate) fn new(shards: usize) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("engine-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let options = EngineOptions {
            shards,
            seal_interval: Duration::from_secs(3_600),
            // A group of 4 MiB and a frame behind it must fit.
            segment_bytes: 8 << 20,
            ..EngineOptions::new(data)
        };
        Self { options }
    }

    pub(crate) fn create(&self) -> Engine {
        Engine::create(&self.options, operator_key(), &Story::genesis().0).expect("an empty directory")
    }

    /// With the banks and accounts of [`World::standard`].
    pub(crate) fn furnished(&self) -> (Engine, World) {
        let (engine, world) = (self.create(), World::standard());
        for frame in &world.frames()[1..] {
            let view = frame.view();
            let bytes = command_bytes(view.payload).expect("commands alone");
            let row = command(&engine, &Entry::decode(bytes).expect("as encoded"));
            assert_eq!(row.reason(), None);
        }
        (engine, world)
    }

    pub(crate) fn open(&self) -> Engine {
        Engine::open(&self.options, operator_key()).unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// Removes one of the directories that follow from the journal.
    pub(crate) fn lose(&self, directory: &str) {
        std::fs::remove_dir_all(self.options.data.join(directory)).expect("it is there");
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.options.data);
    }
}

pub(crate) fn command(engine: &Engine, entry: &Entry) -> OutcomeRow {
    engine.command(entry).expect("room").wait().expect("it runs").row
}

/// Sends what a frame holds, one submission after the other; gives its rows.
pub(crate) fn send(engine: &Engine, frame: &SequencedFrame) -> Vec<OutcomeRow> {
    if frame.kind == FrameKind::Command {
        let bytes = command_bytes(&frame.payload).expect("as framed");
        return vec![command(engine, &Entry::decode(bytes).expect("as encoded"))];
    }
    let payload = Payload::parse(&frame.payload, frame.count).expect("as framed");
    let send = |(_, entry, records): (usize, &feiqian_core::batch::BatchEntry, &[_])| {
        let batch = Batch::new(entry.participant.get(), records.to_vec());
        engine.submit(batch).expect("room").wait().expect("it runs").rows.to_vec()
    };
    payload.by_batch().flat_map(send).collect()
}

/// Sends the whole story; gives all its rows.
pub(crate) fn tell(engine: &Engine, story: &Story) -> Vec<OutcomeRow> {
    let genesis = engine.entry(1).expect("readable").expect("the genesis").1;
    let rest = story.frames().skip(1).flat_map(|frame| send(engine, frame));
    std::iter::once(genesis).chain(rest).collect()
}

/// All that can be seen, as of the last block.
pub(crate) fn picture(engine: &Engine) -> Picture {
    engine.ask(|sealer| Picture::of_mirror(sealer.mirror()))
}
