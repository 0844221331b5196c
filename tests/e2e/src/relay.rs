use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::wait::DEADLINE;

/// A network between two processes, which a test can hold up, slow and cut: a relay of TCP on a port
/// of loopback. Ended when this is dropped, with its connections.
pub struct Relay {
    address: SocketAddr,
    line: Arc<Line>,
}

/// What the network does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Each piece arrives so long after it was sent.
    Open(Duration),
    /// Nothing arrives, and nobody is told: a cable that was pulled.
    Held,
    /// Connections are reset at once: a server that is gone.
    Cut,
    Ended,
}

struct Line {
    state: Mutex<(State, Vec<TcpStream>)>,
    changed: Condvar,
}

impl Relay {
    /// A network to this address, without delay.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port");
        let line = Arc::new(Line {
            state: Mutex::new((State::Open(Duration::ZERO), Vec::new())),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&line);
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                if accepting.lock().0 == State::Ended {
                    break;
                }
                let line = Arc::clone(&accepting);
                thread::spawn(move || line.connect(near, target));
            }
        });
        Self { address, line }
    }

    /// Where to connect in place of the target.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing arrives any more, in either direction, and no connection ends.
    pub fn hold(&self) {
        self.line.change(State::Held);
    }

    /// Every connection is reset, now and from now on.
    pub fn cut(&self) {
        self.line.change(State::Cut);
    }

    /// Everything arrives so much later, in each direction.
    pub fn slow(&self, delay: Duration) {
        self.line.change(State::Open(delay));
    }

    /// All is well again. What was held arrives.
    pub fn mend(&self) {
        self.line.change(State::Open(Duration::ZERO));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.line.change(State::Ended);
        // The listener looks at the state when somebody connects.
        let _refused = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, (State, Vec<TcpStream>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, state: State) {
        let mut now = self.lock();
        now.0 = state;
        if matches!(state, State::Cut | State::Ended) {
            for stream in now.1.drain(..) {
                let _closed_already = stream.shutdown(Shutdown::Both);
            }
        }
        drop(now);
        self.changed.notify_all();
    }

    fn connect(self: Arc<Self>, near: TcpStream, target: SocketAddr) {
        // A connection through a pulled cable waits to be set up; nothing was sent over it yet.
        if !self.passes(Instant::now()) {
            return;
        }
        let Ok(far) = TcpStream::connect_timeout(&target, DEADLINE) else {
            return;
        };
        let pair = |stream: &TcpStream| stream.try_clone().expect("the same socket");
        let _may_be_late = near.set_nodelay(true).and(far.set_nodelay(true));
        {
            let mut now = self.lock();
            if matches!(now.0, State::Cut | State::Ended) {
                return;
            }
            // Those that are over are only kept until somebody connects again.
            now.1.retain(|stream| stream.peer_addr().is_ok());
            now.1.extend([pair(&near), pair(&far)]);
        }
        let (there, back) = ((pair(&near), pair(&far)), (far, near));
        let line = Arc::clone(&self);
        thread::spawn(move || line.carry(there));
        self.carry(back);
    }

    fn carry(&self, (mut from, mut to): (TcpStream, TcpStream)) {
        let mut piece = [0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            if !self.passes(Instant::now()) || to.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        let _closed_already = to.shutdown(Shutdown::Write);
    }

    /// Waits until what was sent at this moment arrives; whether it ever does.
    fn passes(&self, sent: Instant) -> bool {
        let mut now = self.lock();
        loop {
            let wait = match now.0 {
                State::Cut | State::Ended => return false,
                State::Held => DEADLINE,
                State::Open(delay) => match delay.checked_sub(sent.elapsed()) {
                    None | Some(Duration::ZERO) => return true,
                    Some(rest) => rest,
                },
            };
            now = self
                .changed
                .wait_timeout(now, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::Relay;

    /// Sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                thread::spawn(move || {
                    let mut byte = [0];
                    while let Ok(1) = stream.read(&mut byte) {
                        stream.write_all(&byte).unwrap();
                    }
                });
            }
        });
        address
    }

    fn said(stream: &mut TcpStream) -> Option<u8> {
        let mut byte = [0];
        (stream.read(&mut byte).ok()? == 1).then_some(byte[0])
    }

    #[test]
    fn what_is_held_arrives_later_and_what_is_cut_never() {
        let relay = Relay::to(echo());
        let connect = || {
            let stream = TcpStream::connect(relay.address()).unwrap();
            let patience = Some(Duration::from_millis(100));
            stream.set_read_timeout(patience).unwrap();
            stream
        };
        let mut stream = connect();
        stream.write_all(b"a").unwrap();
        assert_eq!(said(&mut stream), Some(b'a'));

        relay.hold();
        stream.write_all(b"b").unwrap();
        let mut late = connect();
        late.write_all(b"c").unwrap();
        assert_eq!((said(&mut stream), said(&mut late)), (None, None));
        relay.mend();
        for (stream, byte) in [(&mut stream, b'b'), (&mut late, b'c')] {
            stream.set_read_timeout(None).unwrap();
            assert_eq!(said(stream), Some(byte));
        }

        let delay = Duration::from_millis(50);
        relay.slow(delay);
        let start = Instant::now();
        stream.write_all(b"d").unwrap();
        assert_eq!(said(&mut stream), Some(b'd'));
        assert!(start.elapsed() >= 2 * delay);

        relay.cut();
        assert_eq!(said(&mut stream), None);
        assert_eq!(said(&mut connect()), None);
        relay.mend();
        let mut stream = connect();
        stream.write_all(b"e").unwrap();
        stream.set_read_timeout(None).unwrap();
        assert_eq!(said(&mut stream), Some(b'e'));
    }
}
