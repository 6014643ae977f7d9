//! The envelope where the HTTP library answers by itself: a first line or a header that nobody can read.
//!
//! The library writes a head without a body and closes. Between two requests, such a head is replaced by a whole answer,
//! and what the client still sends is read for a moment, so that it gets to see it. It must not touch what handlers
//! answer: while one is at work, and until its last byte is flushed, everything goes through as it is.

use crate::answer;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Longer heads are not the library's own.
const MOST: usize = 256;
/// What is read on from a client whose request cannot be read, bytes.
const MOST_REST: usize = 1 << 20;

/// Nobody is answering.
const IDLE: u8 = 0;
/// A handler is at work, or its answer is on its way to the library.
const BUSY: u8 = 1;
/// The library has the whole answer; it may not have written it yet.
const DONE: u8 = 2;

/// Whether a handler is at work on a connection.
#[derive(Clone, Default)]
pub(crate) struct Talk(Arc<AtomicU8>);

impl Talk {
    /// A request goes to a handler.
    pub(crate) fn begin(&self) {
        self.0.store(BUSY, Ordering::Release);
    }

    /// Notes when the library has taken the answer.
    pub(crate) fn watch(&self, response: Response) -> Response {
        let talk = self.clone();
        response.map(|body| Body::new(Watched { body, talk }))
    }
}

/// The body of an answer.
struct Watched {
    body: Body,
    talk: Talk,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.talk.0.store(DONE, Ordering::Release);
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection below the library.
pub(crate) struct Spoken<S> {
    stream: S,
    talk: Talk,
    linger: Duration,
    /// Our answer, as far as it is not written.
    own: Vec<u8>,
    /// Bytes of the library's answer that ours stands for.
    owed: usize,
    /// Set once ours was written: how long and how much is still read.
    rest: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Spoken<S> {
    pub(crate) fn new(stream: S, talk: Talk, linger: Duration) -> Self {
        Self {
            stream,
            talk,
            linger,
            own: Vec::new(),
            owed: 0,
            rest: None,
        }
    }
}

/// The status of a head that the library wrote by itself: a refusal of nothing but this.
fn bare(bytes: &[u8]) -> Option<StatusCode> {
    let text = std::str::from_utf8(bytes.get(..bytes.len().min(MOST + 1))?).ok()?;
    let head = text.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let status = StatusCode::from_bytes(status.as_bytes()).ok()?;
    let known = |line: &str| {
        ["content-length: 0", "connection: close"].contains(&line) || line.starts_with("date: ")
    };
    (status.is_client_error() && bytes.len() <= MOST && lines.all(known)).then_some(status)
}

impl<S: AsyncWrite + Unpin> Spoken<S> {
    /// Writes what is left of our answer, and says how much of the library's that was.
    fn poll_own(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while !self.own.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.own))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own.drain(..written);
        }
        self.rest = Some((Box::pin(sleep(self.linger)), MOST_REST));
        Poll::Ready(Ok(std::mem::take(&mut self.owed)))
    }
}

impl<S: AsyncWrite + AsyncRead + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.owed > 0 {
            return self.poll_own(context);
        }
        if self.talk.0.load(Ordering::Acquire) == IDLE
            && let Some(status) = bare(bytes)
        {
            (self.own, self.owed) = (answer::unreadable(status), bytes.len());
            return self.poll_own(context);
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // The library flushes when it has written all that it has.
        let (old, new) = (Ordering::AcqRel, Ordering::Acquire);
        let _was_done = self.talk.0.compare_exchange(DONE, IDLE, old, new);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        let this = &mut *self;
        let Some((pause, most)) = &mut this.rest else {
            return Poll::Ready(Ok(()));
        };
        let mut room = [0; 8192];
        while *most > 0 && Future::poll(pause.as_mut(), context).is_pending() {
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *most = most.saturating_sub(buffer.filled().len());
                }
                _ => break,
            }
        }
        this.rest = None;
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        if self.owed > 0 || first.is_some_and(|slice| bare(slice).is_some()) {
            let bytes = first.map_or(&[][..], |slice| slice);
            return self.poll_write(context, bytes);
        }
        let stream = &mut self.get_mut().stream;
        Pin::new(stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n";

    #[test]
    fn only_the_librarys_own_heads_are_taken_for_such() {
        assert_eq!(bare(BARE.as_bytes()), Some(StatusCode::BAD_REQUEST));
        let late = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(
            bare(late.as_bytes()).map(|status| status.as_u16()),
            Some(431)
        );
        for other in [
            &BARE.replace("400", "200"),
            &BARE.replace("content-length: 0", "content-length: 7"),
            &BARE.replace("date", "activityid"),
            &format!("{BARE}x"),
            &format!("x{BARE}"),
            "HTTP/1.1 400 Bad",
            "",
        ] {
            assert_eq!(bare(other.as_bytes()), None, "{other}");
        }
    }

    #[tokio::test]
    async fn what_a_handler_answers_goes_through_whatever_it_looks_like() {
        let (near, mut far) = tokio::io::duplex(4096);
        let talk = Talk::default();
        let mut spoken = Spoken::new(near, talk.clone(), Duration::ZERO);
        talk.begin();
        spoken.write_all(BARE.as_bytes()).await.unwrap();
        // The library has it all, and has not flushed.
        drop(talk.watch(Response::new(Body::empty())));
        spoken.write_all(BARE.as_bytes()).await.unwrap();
        spoken.flush().await.unwrap();
        // Nobody is at work: this one is the library's.
        spoken.write_all(BARE.as_bytes()).await.unwrap();
        spoken.shutdown().await.unwrap();
        drop(spoken);
        let mut seen = String::new();
        far.read_to_string(&mut seen).await.unwrap();
        let rest = seen.strip_prefix(&format!("{BARE}{BARE}")).unwrap();
        assert!(rest.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{rest}");
        assert!(rest.ends_with('}') && rest.contains("typeKey"), "{rest}");
    }
}
