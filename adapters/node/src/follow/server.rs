//! The answering side: durable frames, signed blocks, the checkpoint, snapshots and segments of a data directory, to
//! those who may have them. Reads only, in bounded pieces; what is handed in goes to the engine.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, rt, web};
use feiqian_proof::header::BlockHeader;
use feiqian_proof::note::NOTE_BYTES_MAX;
use feiqian_runtime::identity::Identity;
use feiqian_runtime::journal::{JournalReader, ReadFault};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::storage::files::FileStorage;
use feiqian_runtime::stores::{BlockStore, GroupStore, OutcomeStore, SnapshotStore, StoreFault, TakeFault};
use serde::Deserialize;

use super::request::{AUDIENCE_HEADER, Asked, NAME_HEADER, SIGNATURE_HEADER, TIME_HEADER};
use super::{BLOCKS_MAX, CHUNK_BYTES_MAX, Callers, PREFIX, ROWS_MAX, SourceState, WAIT_MS_MAX};

/// Between two looks whether there are frames now.
const LOOK: Duration = Duration::from_millis(5);

/// Which checkpoint is served, and where cosignatures go.
#[derive(Clone, Debug)]
pub enum Cosigning {
    /// The operator's: the checkpoint that its engine offers, which counts them.
    Operator(Engine),
    /// A validator's: the newest that it has cosigned itself, from this file; it takes none.
    Validator(PathBuf),
}

/// What is served, and to whom. Clones serve the same.
#[derive(Clone, Debug)]
pub struct FollowServer(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    identity: Identity,
    journal: JournalReader<FileStorage>,
    blocks: BlockStore<FileStorage>,
    outcomes: OutcomeStore<FileStorage>,
    groups: GroupStore<FileStorage>,
    snapshots: SnapshotStore<FileStorage>,
    callers: Callers,
    cosigning: Cosigning,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    #[serde(default)]
    wait_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    count: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offset {
    #[serde(default)]
    offset: u64,
}

impl FollowServer {
    /// Serves a journal, its blocks and the rows of both.
    #[must_use]
    pub fn new(
        identity: Identity,
        (journal, blocks): (JournalReader<FileStorage>, BlockStore<FileStorage>),
        (outcomes, groups): (OutcomeStore<FileStorage>, GroupStore<FileStorage>),
        (callers, cosigning): (Callers, Cosigning),
    ) -> Self {
        let snapshots = SnapshotStore::reading(journal.storage().clone());
        let parts = Parts { identity, journal, blocks, outcomes, groups, snapshots, callers, cosigning };
        Self(Arc::new(parts))
    }

    /// Adds the routes.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        let scope = web::scope(PREFIX)
            .app_data(web::Data::new(self.clone()))
            .app_data(web::PayloadConfig::new(NOTE_BYTES_MAX))
            .route("/state", web::get().to(state))
            .route("/frames/{sequence}", web::get().to(frames))
            .route("/blocks/{height}", web::get().to(blocks))
            .route("/groups/{height}", web::get().to(groups))
            .route("/rows/{sequence}", web::get().to(rows))
            .route("/checkpoint", web::get().to(checkpoint))
            .route("/snapshots/{height}", web::get().to(snapshot))
            .route("/segments/{number}", web::get().to(segment))
            .route("/cosignatures", web::post().to(cosignatures));
        config.service(scope);
    }

    /// Answers if the request is a caller's.
    async fn admitted<A: Future<Output = HttpResponse>>(
        &self,
        request: &HttpRequest,
        body: &[u8],
        answer: impl FnOnce() -> A,
    ) -> HttpResponse {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let (Some(audience), Some(name), Some(time), Some(signature)) =
            (header(AUDIENCE_HEADER), header(NAME_HEADER), header(TIME_HEADER), header(SIGNATURE_HEADER))
        else {
            let who = "who asks whom? see feiqian-audience, -name, -time and -signature";
            return refusal(StatusCode::UNAUTHORIZED, who);
        };
        if !self.0.callers.is_own(audience, request.app_config().local_addr()) {
            let who =
                "the request is signed for another source: its name for this one belongs in follow.addresses";
            return refusal(StatusCode::MISDIRECTED_REQUEST, who);
        }
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let asked = Asked { audience, method: request.method().as_str(), path };
        if self.0.callers.admit((name, time, signature), asked, body) {
            answer().await
        } else {
            refusal(
                StatusCode::UNAUTHORIZED,
                "not a validator of follow.validators, or not its request of now",
            )
        }
    }

    /// Reads on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Parts) -> Result<T, ReadFailed> + Send + 'static,
        answer: impl FnOnce(T) -> HttpResponse,
    ) -> HttpResponse {
        let parts = Arc::clone(&self.0);
        match web::block(move || read(&parts)).await {
            Ok(Ok(value)) => answer(value),
            Ok(Err(ReadFailed::Absent)) => refusal(StatusCode::NOT_FOUND, "it is not here"),
            Ok(Err(ReadFailed::Behind)) => {
                refusal(StatusCode::RANGE_NOT_SATISFIABLE, "no frame begins there: the journal ends before")
            }
            _ => refusal(StatusCode::INTERNAL_SERVER_ERROR, "it can't be read"),
        }
    }
}

/// Why an answer can't be read from the files.
enum ReadFailed {
    Absent,
    Behind,
    Damaged,
}

impl From<ReadFault> for ReadFailed {
    fn from(fault: ReadFault) -> Self {
        match fault {
            ReadFault::NotThere(_) => Self::Behind,
            ReadFault::Storage(fault) if fault.is_absent() => Self::Absent,
            _ => Self::Damaged,
        }
    }
}

impl From<StoreFault> for ReadFailed {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Absent(_) => Self::Absent,
            _ => Self::Damaged,
        }
    }
}

fn refusal(status: StatusCode, why: &'static str) -> HttpResponse {
    HttpResponse::build(status).body(format!("{why}\n"))
}

fn bytes(bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/octet-stream").body(bytes)
}

/// A piece of a file, with the length of all of it.
fn piece((piece, total): (Vec<u8>, u64)) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type("application/octet-stream").insert_header(("feiqian-total", total.to_string()));
    response.body(piece)
}

type Served = web::Data<FollowServer>;

async fn state(served: Served, request: HttpRequest) -> HttpResponse {
    let answer = || served.read(|parts| parts.state(), |state| HttpResponse::Ok().json(state));
    served.admitted(&request, &[], answer).await
}

impl Parts {
    fn state(&self) -> Result<SourceState, ReadFailed> {
        let segments = self.journal.segments()?;
        Ok(SourceState {
            chain_id: feiqian_identity::hex::encode(&self.identity.chain_id),
            operator: self.identity.operator.to_string(),
            height: self.blocks.last(),
            durable: self.journal.durable(),
            segments: segments.iter().map(|(number, _)| *number).max().unwrap_or(0),
            segment_bytes_max: segments.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0),
            snapshots: self.snapshots.heights()?,
        })
    }
}

/// Waits a while for frames where there are none, so that followers need not ask and ask.
async fn frames(
    served: Served,
    request: HttpRequest,
    sequence: web::Path<u64>,
    wait: web::Query<Wait>,
) -> HttpResponse {
    let sequence = sequence.into_inner();
    let answer = || async {
        let until = Instant::now() + Duration::from_millis(wait.wait_ms.min(WAIT_MS_MAX));
        while served.0.journal.durable() + 1 == sequence && Instant::now() < until {
            rt::time::sleep(LOOK).await;
        }
        let height = served.0.blocks.last();
        let read = move |parts: &Parts| {
            let (frames, head) = parts.journal.stored_with_head(sequence, CHUNK_BYTES_MAX)?;
            let signature = match (&parts.cosigning, head) {
                (Cosigning::Operator(engine), Some(head)) => Some(engine.log().sign_served(&head)),
                _ => None,
            };
            Ok((frames, signature))
        };
        served
            .read(read, |(frames, signature)| {
                let mut response = HttpResponse::Ok();
                response.content_type("application/octet-stream");
                response.insert_header(("feiqian-height", height.to_string()));
                if let Some(signature) = signature {
                    response.insert_header((SIGNATURE_HEADER, signature.to_string()));
                }
                response.body(frames)
            })
            .await
    };
    served.admitted(&request, &[], answer).await
}

async fn blocks(served: Served, request: HttpRequest, height: web::Path<u64>) -> HttpResponse {
    let height = height.into_inner();
    let read = move |parts: &Parts| {
        let mut all = Vec::new();
        for height in height.max(1)..=parts.blocks.last().min(height.saturating_add(BLOCKS_MAX - 1)) {
            let block = parts.blocks.read(height)?;
            all.extend_from_slice(&block.header);
            all.extend_from_slice(&block.signature);
        }
        Ok(all)
    };
    served.admitted(&request, &[], || served.read(read, bytes)).await
}

/// Of a block, as long as they lead to its root.
async fn groups(served: Served, request: HttpRequest, height: web::Path<u64>) -> HttpResponse {
    let height = height.into_inner();
    let read = move |parts: &Parts| {
        let header = BlockHeader::decode(&parts.blocks.read(height)?.header);
        let header = header.map_err(|_| ReadFailed::Damaged)?;
        let groups = parts.groups.read(&header)?.ok_or(ReadFailed::Absent)?;
        Ok(groups.iter().flat_map(|group| group.0).collect())
    };
    served.admitted(&request, &[], || served.read(read, bytes)).await
}

async fn rows(
    served: Served,
    request: HttpRequest,
    sequence: web::Path<u64>,
    count: web::Query<Count>,
) -> HttpResponse {
    let (sequence, count) = (sequence.into_inner(), count.count.min(ROWS_MAX));
    let read = move |parts: &Parts| Ok(parts.outcomes.read(sequence, count)?);
    served.admitted(&request, &[], || served.read(read, bytes)).await
}

async fn checkpoint(served: Served, request: HttpRequest) -> HttpResponse {
    let read = |parts: &Parts| match &parts.cosigning {
        Cosigning::Operator(engine) => engine.log().offered().ok_or(ReadFailed::Absent),
        Cosigning::Validator(file) => std::fs::read(file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadFailed::Absent,
            _ => ReadFailed::Damaged,
        }),
    };
    served.admitted(&request, &[], || served.read(read, bytes)).await
}

async fn snapshot(
    served: Served,
    request: HttpRequest,
    height: web::Path<u64>,
    from: web::Query<Offset>,
) -> HttpResponse {
    let (height, offset) = (height.into_inner(), from.offset);
    let read = move |parts: &Parts| {
        parts.snapshots.bytes(height, offset, CHUNK_BYTES_MAX)?.ok_or(ReadFailed::Absent)
    };
    served.admitted(&request, &[], || served.read(read, piece)).await
}

async fn segment(
    served: Served,
    request: HttpRequest,
    number: web::Path<u32>,
    from: web::Query<Offset>,
) -> HttpResponse {
    let (number, offset) = (number.into_inner(), from.offset);
    let read = move |parts: &Parts| Ok(parts.journal.segment_bytes(number, offset, CHUNK_BYTES_MAX)?);
    served.admitted(&request, &[], || served.read(read, piece)).await
}

async fn cosignatures(served: Served, request: HttpRequest, note: web::Bytes) -> HttpResponse {
    let answer = || async {
        let Cosigning::Operator(engine) = served.0.cosigning.clone() else {
            return refusal(StatusCode::CONFLICT, "cosignatures are not counted here");
        };
        let note = note.clone();
        match web::block(move || engine.take_cosignatures(&note)).await {
            Ok(Ok(_)) => HttpResponse::NoContent().finish(),
            Ok(Err(fault @ (TakeFault::NoPolicy | TakeFault::Refused(_)))) => {
                HttpResponse::Conflict().body(format!("{fault}\n"))
            }
            _ => refusal(StatusCode::INTERNAL_SERVER_ERROR, "it can't be kept"),
        }
    };
    served.admitted(&request, &note, answer).await
}
