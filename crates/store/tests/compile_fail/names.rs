//! What is not reachable by name: the modules behind the gate, and what they hold.

use coffer_store::gate::event;
use coffer_store::sql::{Conn, Statement};
use coffer_store::unit::Shared;
use coffer_store::{Blobs, Engine, Postgres, Sqlite};

fn main() {}
