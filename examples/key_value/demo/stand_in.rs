//! TEMPORARY stand-in for the framework's TCP fault proxy, until it lands.
use rpc_core::sim::{Faults, FaultsSeen};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) struct FaultProxy {
    addr: SocketAddr,
    seen: Arc<Mutex<FaultsSeen>>,
}
struct Dice(u64);
impl Dice {
    fn f(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
impl FaultProxy {
    pub(crate) fn start(listen: &str, up: &str, faults: Faults, seed: u64) -> io::Result<Self> {
        let l = TcpListener::bind(listen)?;
        let addr = l.local_addr()?;
        let seen = Arc::new(Mutex::new(FaultsSeen::default()));
        let s2 = Arc::clone(&seen);
        let up: SocketAddr = up.parse().map_err(io::Error::other)?;
        thread::spawn(move || {
            let mut n = seed;
            for c in l.incoming() {
                let Ok(c) = c else { continue };
                let Ok(s) = TcpStream::connect(up) else { continue };
                c.set_nodelay(true).ok();
                s.set_nodelay(true).ok();
                for (a, b) in [(c.try_clone().unwrap(), s.try_clone().unwrap()), (s, c)] {
                    n += 1;
                    let (f, seen) = (faults.clone(), Arc::clone(&s2));
                    let d = Dice(n.wrapping_mul(0x9e3779b97f4a7c15) | 1);
                    thread::spawn(move || {
                        let _ = pump(a, b, f, d, seen);
                    });
                }
            }
        });
        Ok(FaultProxy { addr, seen })
    }
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
    pub(crate) fn stats(&self) -> FaultsSeen {
        *self.seen.lock().unwrap()
    }
}
fn pump(
    mut a: TcpStream,
    mut b: TcpStream,
    f: Faults,
    mut d: Dice,
    seen: Arc<Mutex<FaultsSeen>>,
) -> io::Result<()> {
    let mut held: Option<Vec<u8>> = None;
    let mut first = true;
    loop {
        let mut x = vec![0; 4];
        if a.read_exact(&mut x).is_err() {
            let _ = b.shutdown(Shutdown::Both);
            return Ok(());
        }
        let n = u32::from_le_bytes([x[0], x[1], x[2], x[3]]) as usize;
        x.resize(4 + n, 0);
        a.read_exact(&mut x[4..])?;
        if first {
            first = false;
            b.write_all(&x)?;
            continue;
        }
        if d.f() < f.cut {
            seen.lock().unwrap().cut += 1;
            b.write_all(&x[..x.len() / 2])?;
            let _ = a.shutdown(Shutdown::Both);
            let _ = b.shutdown(Shutdown::Both);
            return Ok(());
        }
        if d.f() < f.drop {
            seen.lock().unwrap().dropped += 1;
            continue;
        }
        if d.f() < f.stall {
            seen.lock().unwrap().delayed += 1;
            thread::sleep(Duration::from_millis(20));
        }
        if held.is_none() && d.f() < f.reorder {
            seen.lock().unwrap().reordered += 1;
            held = Some(x);
            continue;
        }
        seen.lock().unwrap().forwarded += 1;
        b.write_all(&x)?;
        if d.f() < f.duplicate {
            seen.lock().unwrap().duplicated += 1;
            b.write_all(&x)?;
        }
        if let Some(h) = held.take() {
            b.write_all(&h)?;
        }
    }
}
