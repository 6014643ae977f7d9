//! A connection for any bytes: what no well-behaved client sends.

use crate::call::{Answer, Answers};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a server may say nothing, with the limits that stories set.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub struct Wire {
    stream: TcpStream,
    answers: Answers,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr, answers: Answers) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, answers }
    }

    /// A connection to anything; what it answers is not kept.
    pub async fn to(address: SocketAddr) -> Self {
        Self::open(address, Answers::default()).await
    }

    /// Sends bytes. False when the other end has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends the head of a request, its lines without line ends.
    pub async fn head(&mut self, lines: &[&str]) -> bool {
        self.send(format!("{}\r\n\r\n", lines.join("\r\n"))).await
    }

    /// Closes the sending side: the request breaks off here.
    pub async fn end(&mut self) {
        // The other end may have closed already.
        let _closed = self.stream.shutdown().await;
    }

    /// The answer; none when the connection ends without one.
    pub async fn answer(&mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        let (head, start) = loop {
            if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
                break (String::from_utf8(bytes[..end].to_vec()).unwrap(), end + 4);
            }
            if self.read(&mut bytes).await == 0 {
                return None;
            }
        };
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ")?;
            headers.append(
                name.parse::<HeaderName>().ok()?,
                HeaderValue::from_str(value).ok()?,
            );
        }
        let length = headers
            .get("content-length")
            .map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        let mut body = bytes.split_off(start);
        while body.len() < length && self.read(&mut body).await > 0 {}
        let answer = Answer {
            what: "bytes on the wire".into(),
            status,
            headers,
            whole: body.len() == length,
            body,
        };
        self.answers
            .note(answer.to_string(), [head.as_bytes(), &answer.body].concat());
        Some(answer)
    }

    /// Whether the server has closed the connection, or does it now.
    pub async fn is_closed(&mut self) -> bool {
        self.read(&mut Vec::new()).await == 0
    }

    /// Panics when nothing comes: a server that leaves a client hanging is what stories are to find.
    async fn read(&mut self, into: &mut Vec<u8>) -> usize {
        tokio::time::timeout(PATIENCE, self.stream.read_buf(into))
            .await
            .expect("the server answers or closes, and does not stay silent")
            .unwrap_or(0)
    }
}
