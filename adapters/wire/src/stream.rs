//! A connection over TCP or a Unix socket as two halves, and buffered reading from one. No byte is looked at
//! here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use feiqian_core::transfer::Record;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};
use zerocopy::IntoBytes as _;

use crate::address::Address;
use crate::layout::HEADER_BYTES;

/// Records that are made room for at a time: the zeros are still in the cache when the kernel writes over
/// them, and a client that announces a full batch and sends nothing holds little memory.
const PIECE_RECORDS: usize = 1_024;

/// The half that is read.
#[derive(Debug)]
pub(crate) enum ReadHalf {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
}

/// The half that is written; dropping it ends the direction.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

/// Small replies must not wait for the ones behind them.
pub(crate) fn of_tcp(stream: TcpStream) -> io::Result<(ReadHalf, WriteHalf)> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    Ok((ReadHalf::Tcp(read), WriteHalf::Tcp(write)))
}

pub(crate) fn of_unix(stream: UnixStream) -> (ReadHalf, WriteHalf) {
    let (read, write) = stream.into_split();
    (ReadHalf::Unix(read), WriteHalf::Unix(write))
}

pub(crate) async fn connect(address: &Address) -> io::Result<(ReadHalf, WriteHalf)> {
    match address {
        Address::Tcp(address) => of_tcp(TcpStream::connect(address).await?),
        Address::Unix(path) => Ok(of_unix(UnixStream::connect(path).await?)),
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_read(context, to),
            Self::Unix(half) => Pin::new(half).poll_read(context, to),
        }
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_write(context, from),
            Self::Unix(half) => Pin::new(half).poll_write(context, from),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_write_vectored(context, from),
            Self::Unix(half) => Pin::new(half).poll_write_vectored(context, from),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(context),
            Self::Unix(half) => Pin::new(half).poll_shutdown(context),
        }
    }
}

/// Reads through a buffer, so that many small messages take one system call, and around it, so that records
/// are written by the kernel where they stay.
#[derive(Debug)]
pub(crate) struct Source {
    half: ReadHalf,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// After a long message the next is likely long: then only its header is read into the buffer, and no
    /// record has to be copied out of it.
    is_bulk: bool,
}

impl Source {
    pub(crate) fn new(half: ReadHalf, bytes: usize) -> Self {
        Self { half, buffer: vec![0; bytes].into(), start: 0, end: 0, is_bulk: false }
    }

    /// What has come and was not consumed.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        debug_assert!(self.start <= self.end);
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// The last message was a short one: let one read take in many.
    pub(crate) const fn expect_short(&mut self) {
        self.is_bulk = false;
    }

    /// Waits until so many bytes are buffered; false if the stream ends before. Cancel-safe.
    pub(crate) async fn need(&mut self, bytes: usize) -> io::Result<bool> {
        debug_assert!(bytes <= self.buffer.len());
        while self.end - self.start < bytes {
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
            } else if self.buffer.len() - self.start < bytes {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            let until = if self.is_bulk { self.start + bytes } else { self.buffer.len() };
            match self.half.read(&mut self.buffer[self.end..until]).await? {
                0 => return Ok(false),
                read => self.end += read,
            }
        }
        Ok(true)
    }

    /// Reads `count` records into memory of their own.
    pub(crate) async fn records(&mut self, count: usize) -> io::Result<Vec<Record>> {
        let mut records: Vec<Record> = Vec::with_capacity(count);
        while records.len() < count {
            let from = records.len();
            records.resize(count.min(from + PIECE_RECORDS), Record::new_zeroed());
            self.read_exact(records[from..].as_mut_bytes()).await?;
        }
        self.is_bulk = count * size_of::<Record>() + HEADER_BYTES > self.buffer.len();
        Ok(records)
    }

    async fn read_exact(&mut self, to: &mut [u8]) -> io::Result<()> {
        let (first, rest) = to.split_at_mut(to.len().min(self.end - self.start));
        first.copy_from_slice(&self.buffer[self.start..self.start + first.len()]);
        self.start += first.len();
        self.half.read_exact(rest).await.map(drop)
    }

    /// Reads and forgets until the stream ends.
    pub(crate) async fn drain(&mut self) {
        while matches!(self.half.read(&mut self.buffer).await, Ok(1..)) {}
    }
}
