//! Loopback ports for what tests start.
//!
//! For: engines and tests of dead addresses. A port is free for everyone between our look at it and an engine's bind; a
//! claim, a locked file beside the other temporary files, keeps other tests of this machine from it meanwhile. Without
//! it two tests may take one engine for their own. Never: below 11 000, nor in the range that the system hands out.

use std::fs::File;
use std::net::TcpListener;

/// A port that no other test of this machine takes while this lives.
#[derive(Debug)]
pub struct Port {
    /// The port.
    pub number: u16,
    /// Gone with its process, whatever ends it.
    _claim: File,
}

/// A port where nobody listens, as long as this lives.
pub fn closed() -> Port {
    let [port] = free();
    port
}

/// Free ports whose partners (port + 10000, where a SeaweedFS listens for gRPC) are free as well.
pub(super) fn free<const N: usize>() -> [Port; N] {
    let claims = std::env::temp_dir().join("scelle-test-ports");
    std::fs::create_dir_all(&claims).unwrap();
    std::array::from_fn(|_| {
        loop {
            let number = rand::random_range(11_000..21_000u16);
            let claim = File::create(claims.join(number.to_string())).unwrap();
            let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
            if claim.try_lock().is_ok() && is_free(number) && is_free(number + 10_000) {
                return Port { number, _claim: claim };
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_given_to_nobody_else() {
        let port = closed();
        let again =
            File::create(std::env::temp_dir().join("scelle-test-ports").join(port.number.to_string()));
        assert!(again.unwrap().try_lock().is_err());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port.number)).is_err());
    }
}
