//! `feiqian validate`: a validator. Follows an operator into a data directory of its own, until a signal ends it or a
//! difference does: then it stops following, writes the evidence, and alarms until somebody has looked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use feiqian_proof::Hash;
use feiqian_proof::checkpoint::{Checkpoint, log_key};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::log::origin_of;
use feiqian_proof::note::NOTE_BYTES_MAX;
use feiqian_proof::signature::{PublicKey, Signature, verify_header};
use feiqian_runtime::follow::{
    Follower, Replica, Source as _, SourceFault, StartFault, Trust, VALIDATOR_CHECKPOINT_FILE, Witness,
    start_from_snapshot,
};
use feiqian_runtime::identity::{IDENTITY_FILE, Identity};
use feiqian_runtime::journal::SEGMENT_BYTES_MAX;
use feiqian_runtime::machine::MachineOptions;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::stores::BlockStore;
use serde::Serialize;

use super::Context;
use super::listener::{Listener, Metrics, install_recorder};
use super::serve::interrupted;
use crate::cli::ValidateArgs;
use crate::config::loopback_rule;
use crate::fault::Fault;
use crate::follow::{Client, Cosigning, FollowServer, SourceState};
use crate::keys::{operator_key_path, read_public, read_secret};

mod alarmed;
mod drive;
mod standing;

use drive::{Driver, backoff};
use standing::Standing;

/// A copy's segments are longer than the operator's by room for the marks of 255 restarts.
pub(super) const SEGMENT_SLACK_BYTES: u64 = 1 << 20;
/// What a snapshot may hold beside its accounts (holds, queues, cycles, …), bytes: a source can't make us take more.
const SNAPSHOT_BYTES: u64 = 1 << 30;
/// And for each account, bytes.
const SNAPSHOT_ACCOUNT_BYTES: u64 = 1_024;

#[derive(Serialize)]
struct Ready {
    is_ready: bool,
    from: String,
    data: String,
    height: u64,
    signed: u64,
    metrics: String,
    health: String,
    recovered_frames: u64,
    snapshot: Option<u64>,
}

impl std::fmt::Display for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, data, height, signed, metrics, health, recovered_frames: frames, .. } = self;
        write!(
            f,
            "following {from} into {data} (replayed {frames} frames): block {height}, cosigned size {signed}, metrics \
             {metrics}, health {health}"
        )
    }
}

pub(super) fn validate(context: &Context, arguments: &ValidateArgs) -> Result<(), Fault> {
    let ValidateArgs { from, key, name, operator, listen, .. } = arguments;
    if !listen.ip().is_loopback() {
        return Err(Fault::Usage(format!("--listen {listen}: must be {}", loopback_rule())));
    }
    if operator_key_path(&context.data).exists() {
        let way = "this is an operator's directory, which follows nobody; choose another --data";
        return Err(Fault::Data(format!("{}: {way}", context.data.display())));
    }
    let metrics = install_recorder()?;
    let operator = read_public(operator)?;
    let key = read_secret(key)?;
    let storage = FileStorage::open(&context.data).map_err(|error| Fault::Data(error.to_string()))?;
    if let Some(alarm) = alarmed::standing(context, &storage, arguments.alarm_seen)? {
        return alarmed::stand(context, &alarm, (*listen, metrics));
    }
    let mut client = Client::new(from, name, key.clone())?;
    let state = ask_state(&mut client)?;
    let identity = identity_of(&context.data, &storage, &state, operator)?;
    let options = options(context, &state)?;
    if let Some(trust) = trust_of(arguments, &identity)? {
        begin(context, (&storage, identity, options), (&mut client, &state), trust)?;
    }
    let opened = Replica::open(storage.clone(), options, identity);
    let (replica, recovered) = opened.map_err(|error| Fault::open(&context.data, &error))?;
    let witness = Witness::open(storage.clone(), &replica, (name, key));
    let witness = witness.map_err(|fault| Fault::Data(format!("{}: {fault}", context.data.display())))?;
    let signed = witness.signed();
    let server = follow_server(context, &replica, identity)?;
    let ready = |listener: &Listener| Ready {
        is_ready: true,
        from: from.clone(),
        data: context.data.display().to_string(),
        height: server.1,
        signed,
        metrics: format!("http://{}/metrics", listener.address()),
        health: format!("http://{}/health", listener.address()),
        recovered_frames: recovered.frames,
        snapshot: recovered.snapshot,
    };
    let follower = Follower::new(replica, Some(witness), context.config.engine.snapshot_blocks);
    let follower = if arguments.relayed { follower.relayed() } else { follower };
    run(context, (follower, client, storage), (*listen, metrics, server.0.clone()), ready)
}

fn run(
    context: &Context,
    (follower, client, storage): (Follower<FileStorage>, Client, FileStorage),
    (listen, metrics, server): (std::net::SocketAddr, Metrics, FollowServer),
    ready: impl FnOnce(&Listener) -> Ready,
) -> Result<(), Fault> {
    let standing = Arc::new(Standing::default());
    let is_ending = Arc::new(AtomicBool::new(false));
    let told = (Arc::clone(&standing), Arc::clone(&is_ending));
    let driver = Driver::new(follower, client, told, (storage, context.data.clone()));
    let output = context.output;
    let (ended, has_ended) = tokio::sync::oneshot::channel();
    actix_web::rt::System::new().block_on(async {
        let interrupted = interrupted()?;
        let shown = Arc::clone(&standing);
        let listener = Listener::start(listen, metrics, move |config| {
            Arc::clone(&shown).configure(config);
            server.configure(config);
        })?;
        let thread: JoinHandle<Result<(), Fault>> = std::thread::Builder::new()
            .name("follower".to_owned())
            .spawn(move || {
                let result = driver.run(output);
                // Nobody waits for it where a signal came first.
                let _ = ended.send(());
                result
            })
            .map_err(|error| Fault::File(format!("a thread can't be started: {error}")))?;
        output.report(&ready(&listener));
        tokio::select! {
            () = interrupted => {}
            _ = has_ended => {}
        }
        is_ending.store(true, Ordering::Release);
        listener.stop().await;
        thread.join().unwrap_or_else(|_| Err(Fault::Data("the follower has panicked".to_owned())))
    })
}

/// Asks until the source answers: without it nothing is known of a new directory.
fn ask_state(client: &mut Client) -> Result<SourceState, Fault> {
    for attempt in 0..8 {
        match client.state() {
            Ok(state) => return Ok(state),
            Err(SourceFault::Unreachable(why)) if attempt == 7 || is_refusal(&why) => {
                return Err(Fault::Refused(format!("the source can't be asked: {why}")));
            }
            Err(_) => std::thread::sleep(backoff(attempt)),
        }
    }
    Err(Fault::Refused("the source does not say what it is".to_owned()))
}

/// Whether the source answers, and will never answer otherwise.
fn is_refusal(why: &str) -> bool {
    ["answers 401", "answers 421"].iter().any(|refusal| why.contains(refusal))
}

/// The directory's own identity, or for a new one that of the source, if the operator is the one that is trusted.
fn identity_of(
    data: &Path,
    storage: &FileStorage,
    state: &SourceState,
    operator: PublicKey,
) -> Result<Identity, Fault> {
    let chain_id = feiqian_identity::hex::decode(&state.chain_id);
    let chain_id = chain_id.ok_or_else(|| Fault::Refused("the source names no chain".to_owned()))?;
    let served = Identity { chain_id, operator };
    let own = match data.join(IDENTITY_FILE).exists() {
        true => Identity::read(storage).map_err(|error| Fault::Data(error.to_string()))?,
        false => served,
    };
    if own != served || state.operator != operator.to_string() {
        let what = format!("the source serves chain {} of operator {}", state.chain_id, state.operator);
        return Err(Fault::Data(format!(
            "{}: {what}, and not the one that is followed here",
            data.display()
        )));
    }
    Ok(own)
}

fn options(context: &Context, state: &SourceState) -> Result<MachineOptions, Fault> {
    let bytes = state.segment_bytes_max.saturating_add(SEGMENT_SLACK_BYTES).next_multiple_of(4_096);
    let bytes = u32::try_from(bytes.min(u64::from(SEGMENT_BYTES_MAX)));
    let segment_bytes = bytes.map_err(|_| Fault::Refused("the source's segments are too long".to_owned()))?;
    Ok(MachineOptions { segment_bytes, ..context.config.engine_options(&context.data).of_machine() })
}

fn trust_of(arguments: &ValidateArgs, identity: &Identity) -> Result<Option<Trust>, Fault> {
    if let Some(text) = &arguments.trust {
        let parts = text.split_once(':').and_then(|(height, hash)| {
            Some(Trust::Block(height.parse().ok().filter(|height| *height > 0)?, Hash::from_hex(hash)?))
        });
        let usage = || Fault::Usage(format!("--trust {text}: HEIGHT:HASH, as `feiqian block` prints them"));
        return parts.map(Some).ok_or_else(usage);
    }
    let Some(path) = &arguments.trust_checkpoint else { return Ok(None) };
    let bytes = std::fs::read(path).map_err(|error| Fault::file(path, "read the checkpoint", &error))?;
    let usage = |what: &dyn std::fmt::Display| Fault::Usage(format!("{}: {what}", path.display()));
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(usage(&"too long for a checkpoint"));
    }
    let key = log_key(&origin_of(&identity.chain_id), identity.operator).map_err(|error| usage(&error))?;
    let (checkpoint, _) = Checkpoint::open(&bytes, &key).map_err(|error| usage(&error))?;
    Ok(Some(Trust::Log(checkpoint.head)))
}

/// Starts behind a snapshot, unless blocks are here already.
fn begin(
    context: &Context,
    (storage, identity, options): (&FileStorage, Identity, MachineOptions),
    (client, state): (&mut Client, &SourceState),
    trust: Trust,
) -> Result<(), Fault> {
    let data = |error: &dyn std::fmt::Display| Fault::Data(format!("{}: {error}", context.data.display()));
    let (blocks, _) = BlockStore::open(storage.clone()).map_err(|error| data(&error))?;
    if blocks.last() > 0 {
        return Ok(());
    }
    drop(blocks);
    let height = match trust {
        Trust::Block(height, _) => height,
        Trust::Log(head) => head.size,
    };
    let Some(newest) = state.snapshots.iter().find(|at| **at <= height) else {
        let way = "trust a later one, or begin at the first block";
        return Err(Fault::Absent(format!("the source has no snapshot up to block {height}: {way}")));
    };
    let source = |fault: &SourceFault| Fault::Refused(fault.to_string());
    let bytes_max = snapshot_bytes_max(&identity, client, *newest)?;
    let snapshot = client.snapshot(*newest, bytes_max).map_err(|fault| source(&fault))?;
    let start =
        start_from_snapshot(storage.clone(), (identity, options.segment_bytes), client, (trust, snapshot));
    match start {
        Ok(height) => {
            context
                .output
                .say(format!("begun behind the snapshot of block {height}, which is what is trusted"));
            Ok(())
        }
        Err(StartFault::Source(fault)) => Err(source(&fault)),
        Err(StartFault::NotTrusted(what)) => Err(Fault::Check(format!("{what}: it is not what is trusted"))),
        Err(fault) => Err(data(&fault)),
    }
}

/// What a snapshot of a block may have at the most, bytes, by the accounts that the operator's signed header counts.
fn snapshot_bytes_max(identity: &Identity, client: &mut Client, height: u64) -> Result<u64, Fault> {
    let served = client.blocks(height).map_err(|fault| Fault::Refused(fault.to_string()))?;
    let header = served.first().and_then(|block| {
        let header = BlockHeader::decode(&block.header).ok()?;
        let signature = Signature(block.signature);
        verify_header(&identity.operator, &header.hash(), &signature).then_some(header)
    });
    let header = header.filter(|header| header.height == height);
    let header =
        header.ok_or_else(|| Fault::Check(format!("block {height} is not signed by the operator")))?;
    Ok(header.accounts.size.saturating_mul(SNAPSHOT_ACCOUNT_BYTES).saturating_add(SNAPSHOT_BYTES))
}

/// What others may ask of the validator: any that its configuration names, and the operator, for repairs.
fn follow_server(
    context: &Context,
    replica: &Replica<FileStorage>,
    identity: Identity,
) -> Result<(FollowServer, u64), Fault> {
    let mut callers = context.config.callers()?;
    let operator = log_key(&origin_of(&identity.chain_id), identity.operator)
        .map_err(|error| Fault::Data(error.to_string()))?;
    callers.add(operator).map_err(Fault::Usage)?;
    let cosigning = Cosigning::Validator(context.data.join(VALIDATOR_CHECKPOINT_FILE));
    let files = (replica.reader(), replica.blocks().clone());
    let (outcomes, groups) = replica.rows();
    let rows = (outcomes.clone(), groups.clone());
    let server = FollowServer::new(identity, files, rows, (callers, cosigning));
    Ok((server, replica.height()))
}
