//! A data directory of a test's own, and the program run on it. Removes the directory afterwards.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use benches::run::server::ServerSpec;
use benches::workload::{Door, Workload};
use serde_json::Value;

/// Longer than any step takes on a busy machine; a step that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &str = "\
[engine]
seal_interval_ms = 20
segment_bytes = 8388608
snapshot_blocks = 5
[inbox]
poll_ms = 5
instant_deadline_s = 600
[http]
listen = \"127.0.0.1:0\"
[wire]
listen = \"127.0.0.1:0\"
unix = \"wire.sock\"
[api]
listen = \"127.0.0.1:0\"
";

pub(crate) struct House {
    root: PathBuf,
}

impl Drop for House {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// The one JSON object of a run that succeeded.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn fails_with(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing: {self:?}");
        }
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn demo_inbox() -> PathBuf {
    repository().join("config/demo/inbox")
}

impl House {
    /// An empty place with a configuration for short runs.
    pub(crate) fn empty(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).expect("a folder");
        std::fs::write(root.join("feiqian.toml"), CONFIG).expect("written");
        Self { root }
    }

    /// A data directory with the demo's banks, but for the accounts of its load.
    pub(crate) fn founded(name: &str) -> Self {
        let house = Self::empty(name);
        let text =
            std::fs::read_to_string(repository().join("config/demo/participants.toml")).expect("there");
        let few = text.replace("hosted_accounts = 1250", "hosted_accounts = 2");
        let file = house.path("participants.toml");
        std::fs::write(&file, few).expect("written");
        house.run(&["init", "--participants", &file.display().to_string()]).json();
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn files(&self, folder: &str) -> PathBuf {
        self.data().join("files").join(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_on("data", arguments)
    }

    fn command_on(&self, data: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_feiqian"));
        command
            .arg("--json")
            .arg("--data")
            .arg(self.path(data))
            .arg("--config")
            .arg(self.path("feiqian.toml"));
        command.args(arguments).current_dir(&self.root);
        command
    }

    /// With another data directory of the house.
    pub(crate) fn run_on(&self, data: &str, arguments: &[&str]) -> Answer {
        Self::answer(&mut self.command_on(data, arguments))
    }

    /// Starts what says that it is ready, on a data directory of the house.
    pub(crate) fn start_on(&self, data: &str, arguments: &[&str]) -> Serving {
        Self::serving(&mut self.command_on(data, arguments))
    }

    /// Starts a validator whose directory has an alarm.
    pub(crate) fn start_alarmed_on(&self, data: &str, arguments: &[&str]) -> Serving {
        Self::started(&mut self.command_on(data, arguments), "is_alarm")
    }

    /// Adds lines to the configuration.
    pub(crate) fn configure(&self, lines: &str) {
        std::fs::write(self.path("feiqian.toml"), format!("{CONFIG}{lines}")).expect("written");
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        Self::answer(&mut self.command(arguments))
    }

    /// With a text on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        // A program that refuses before it reads has closed its end.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().unwrap_or(-1);
        Answer { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Without a data directory or a configuration of its own.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_feiqian"));
        Self::answer(command.arg("--json").args(arguments).current_dir(&self.root))
    }

    fn answer(command: &mut Command) -> Answer {
        let output = command.output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().unwrap_or(-1);
        Answer { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub(crate) fn import(&self, names: &[&str]) -> Value {
        let paths: Vec<_> = names.iter().map(|name| demo_inbox().join(name).display().to_string()).collect();
        let mut arguments = vec!["import"];
        arguments.extend(paths.iter().map(String::as_str));
        self.run(&arguments).json()
    }

    /// Starts `serve` and waits until it says that it is ready.
    pub(crate) fn serve(&self) -> Serving {
        Self::serving(&mut self.command(&["serve"]))
    }

    /// As [`House::serve`], and what it says on standard error goes to a file of the house.
    pub(crate) fn serve_telling(&self, name: &str) -> Serving {
        let file = std::fs::File::create(self.path(name)).expect("a file");
        Self::serving(self.command(&["serve"]).stderr(file))
    }

    /// Starts a load's own server, behind one of the two doors.
    pub(crate) fn load_server(&self, accounts: u64, door: Door) -> Serving {
        let workload = Workload { door, ..Workload::plain(accounts) };
        let spec = ServerSpec::new(self.path("load-data"), workload);
        let spec = serde_json::to_string(&spec).expect("JSON");
        Self::serving(self.command(&["load-server", &spec]).stdin(Stdio::piped()))
    }

    fn serving(command: &mut Command) -> Serving {
        Self::started(command, "is_ready")
    }

    fn started(command: &mut Command, field: &str) -> Serving {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("read");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(ready[field], true, "{ready}");
        Serving { child, ready, _lines: lines }
    }
}

/// A running `serve`; killed if a test ends before it.
pub(crate) struct Serving {
    child: Child,
    pub(crate) ready: Value,
    /// Held open, so that the program can print.
    _lines: BufReader<ChildStdout>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn terminate(mut self) -> i32 {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.expect("there is a kill").success());
        wait_for("the end of serve", || self.child.try_wait().expect("asked")).code().unwrap_or(-1)
    }
}

/// Waits until `found` finds something.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Names in a folder, ascending.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("read").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}
