//! Free TCP ports on loopback.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Duration,
};

/// A port nobody listens on: `wished` if it is free, else one the kernel picks.
///
/// # Errors
/// What the kernel said when it has none to give.
pub fn free(wished: Option<u16>) -> io::Result<u16> {
    let taken = wished.and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let listener = match taken {
        Some(listener) => listener,
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
    };
    Ok(listener.local_addr()?.port())
}

/// Whether something on loopback accepts a connection on `port`.
#[must_use]
pub fn answers(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(200)).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_not_handed_out() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(answers(port));
        assert_ne!(free(Some(port)).unwrap(), port);
    }
}
