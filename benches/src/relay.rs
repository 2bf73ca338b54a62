//! A relay for TCP connections that takes its time: what enters leaves as much later as it is told to.
//!
//! For: a line with a round trip, where the kernel has no means to delay packets. Each direction of a connection holds at
//! most what such a line holds, so that a full line is felt at its beginning. Never: looks at what passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

const PIECE_BYTES: usize = 32 << 10;
/// Pieces under way in one direction of a connection: 1 MiB, twice what 100 Mbit/s hold in 40 ms.
const PIECES: usize = 32;

/// When how many bytes went from the clients to the server.
#[derive(Clone, Debug, Default)]
pub struct Passed(Arc<Mutex<Vec<(Instant, usize)>>>);

impl Passed {
    /// What has passed since the last call.
    pub fn take(&self) -> Vec<(Instant, usize)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, bytes: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), bytes));
    }
}

/// Takes connections at `listener` on to `target` until the process ends; each direction is `delay` late.
pub fn relay(listener: TcpListener, target: SocketAddr, delay: Duration, passed: Passed) {
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let passed = passed.clone();
            thread::spawn(move || {
                // A connection that cannot be made is closed: the client sees it.
                let _ = connect(client, target, delay, passed);
            });
        }
    });
}

fn connect(client: TcpStream, target: SocketAddr, delay: Duration, passed: Passed) -> Result<()> {
    // The answer to a connection is a round trip late as well.
    thread::sleep(delay * 2);
    let server = TcpStream::connect(target)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    direction(client.try_clone()?, server.try_clone()?, delay, Some(passed));
    direction(server, client, delay, None);
    Ok(())
}

type Piece = (Instant, Vec<u8>);

fn direction(mut from: TcpStream, to: TcpStream, delay: Duration, passed: Option<Passed>) {
    let (enter, leave): (SyncSender<Piece>, Receiver<Piece>) = sync_channel(PIECES);
    thread::spawn(move || deliver(to, leave));
    thread::spawn(move || {
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if let Some(passed) = &passed {
                passed.add(read);
            }
            if enter.send((Instant::now() + delay, piece[..read].to_vec())).is_err() {
                break;
            }
        }
    });
}

fn deliver(mut to: TcpStream, leave: Receiver<Piece>) {
    for (due, piece) in leave {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
