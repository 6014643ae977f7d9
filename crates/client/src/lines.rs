//! A long answer read line by line: the audit log.

use crate::ClientError;
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use serde::de::DeserializeOwned;
use std::sync::Arc;

use crate::transport::Transport;

/// No line of the audit log is longer.
const MAX_LINE: usize = 1 << 20;

/// The lines of an answer, as they arrive. Empty lines are left out.
pub struct Lines {
    transport: Arc<Transport>,
    response: Response,
    pending: BytesMut,
    ended: bool,
}

impl Lines {
    pub(crate) fn new(transport: Arc<Transport>, response: Response) -> Self {
        Self {
            transport,
            response,
            pending: BytesMut::new(),
            ended: false,
        }
    }

    /// The next line without its end, byte for byte as it was sent; `None` after the last.
    ///
    /// # Errors
    /// When the connection breaks, and for a line that is no UTF-8 or longer than a mebibyte.
    pub async fn next_line(&mut self) -> Result<Option<String>, ClientError> {
        loop {
            if let Some(line) = self.take() {
                let text = String::from_utf8(line.to_vec())
                    .map_err(|_| self.odd("a line that is not UTF-8"))?;
                let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
                if text.is_empty() {
                    continue;
                }
                return Ok(Some(text));
            }
            if self.ended {
                return Ok(None);
            }
            if self.pending.len() > MAX_LINE {
                return Err(self.odd("a line that does not end"));
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.pending.extend_from_slice(&chunk),
                Ok(None) => self.ended = true,
                Err(error) => return Err(self.transport.lost(error)),
            }
        }
    }

    /// The next bytes as they arrive; `None` after the last. Not to be mixed with lines.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next_bytes(&mut self) -> Result<Option<Bytes>, ClientError> {
        let chunk = self.response.chunk().await;
        chunk.map_err(|error| self.transport.lost(error))
    }

    /// The next line, read as JSON.
    ///
    /// # Errors
    /// As [`Self::next_line`], and when the line is not the JSON of a `T`.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ClientError> {
        match self.next_line().await? {
            Some(line) => serde_json::from_str(&line)
                .map(Some)
                .map_err(|_| self.odd("a line that is not the JSON this client knows")),
            None => Ok(None),
        }
    }

    fn take(&mut self) -> Option<BytesMut> {
        if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line = self.pending.split_to(end);
            let _newline = self.pending.split_to(1);
            return Some(line);
        }
        (self.ended && !self.pending.is_empty()).then(|| self.pending.split())
    }

    fn odd(&self, what: &str) -> ClientError {
        ClientError::Unexpected {
            status: self.response.status().as_u16(),
            what: what.to_owned(),
        }
    }
}
