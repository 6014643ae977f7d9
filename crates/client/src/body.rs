//! The content of an upload, as it is sent: a stream of pieces, never a whole file in memory.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// Bytes read and sent at a time.
const PIECE: usize = 64 * 1024;

/// The content of an upload. It is read once, and pieces of a reader are wiped after they are sent.
pub struct Body {
    pub(crate) stream: BoxStream<'static, io::Result<Bytes>>,
}

impl Body {
    /// Content that is in memory already.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::from_stream(stream::iter([Ok(bytes)]))
    }

    /// Content that comes in pieces.
    pub fn from_stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self {
            stream: pieces.boxed(),
        }
    }

    /// Content of a file or a pipe, up to its end.
    pub fn from_reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::from_stream(stream::unfold(Some(reader), |state| async move {
            let mut reader = state?;
            let mut piece = Zeroizing::new(vec![0; PIECE]);
            match reader.read(&mut piece).await {
                Ok(0) => None,
                Ok(count) => {
                    let piece = Bytes::from_owner(piece).slice(..count);
                    Some((Ok(piece), Some(reader)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}
