//! Bytes of any kind: a connection is a call. Must not look into them.

use super::{Shared, Trouble, reach};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::TcpStream;

/// One connection. An end on either side ends both: what comes of it is the story's business.
pub(super) async fn pass(mut client: TcpStream, shared: Shared) {
    let trouble = shared.arrived("CONNECT", "").await;
    match trouble {
        Some(Trouble::Hangs) => std::future::pending::<()>().await,
        Some(Trouble::Slow(time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    let Ok(mut server) = reach(shared.upstream).await else {
        return;
    };
    if trouble == Some(Trouble::Cuts) {
        cut(client, server).await;
    } else {
        let _ended = copy_bidirectional(&mut client, &mut server).await;
    }
}

/// All that the client says reaches the service; of what it says, the first byte comes back.
async fn cut(mut client: TcpStream, mut server: TcpStream) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        _ended = copy(&mut from_client, &mut to_server) => {}
        first = from_server.read_u8() => if let Ok(first) = first {
            let _gone = to_client.write_u8(first).await;
        },
    }
}
