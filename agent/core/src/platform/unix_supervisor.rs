//! Telling whoever supervises this process how it is (`sd_notify(3)`): one datagram to a socket.
//!
//! Never: waits for an answer, or fails because nobody listens.

use std::ffi::OsStr;
use std::os::unix::net::UnixDatagram;

/// Tells the supervisor behind `socket` (the value of `NOTIFY_SOCKET`) something like `READY=1`; whether it was taken.
pub fn tell_supervisor(socket: &OsStr, words: &str) -> bool {
    let sent = UnixDatagram::unbound().and_then(|sender| {
        sender.set_nonblocking(true)?;
        send(&sender, socket, words.as_bytes())
    });
    sent.is_ok()
}

#[cfg(target_os = "linux")]
fn send(sender: &UnixDatagram, socket: &OsStr, words: &[u8]) -> std::io::Result<usize> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::SocketAddr;

    match socket.as_bytes().strip_prefix(b"@") {
        // A name without a file.
        Some(name) => sender.send_to_addr(words, &SocketAddr::from_abstract_name(name)?),
        None => sender.send_to(words, socket),
    }
}

#[cfg(not(target_os = "linux"))]
fn send(sender: &UnixDatagram, socket: &OsStr, words: &[u8]) -> std::io::Result<usize> {
    sender.send_to(words, socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_arrives_and_nobody_there_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        assert!(tell_supervisor(path.as_os_str(), "READY=1"));
        let mut heard = [0; 64];
        let bytes = listener.recv(&mut heard).unwrap();
        assert_eq!(&heard[..bytes], b"READY=1");
        drop(listener);
        assert!(!tell_supervisor(path.as_os_str(), "READY=1"));
    }
}
