//! Tests of the proxy against a server that sends back all bytes.

use rpc_core::wire::frame::{FrameDecoder, Header, Kind, append};

use super::*;

const HERE: &str = "127.0.0.1:0";
/// The longest wait: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a server that sends back all bytes.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind(HERE).expect("a port");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    addr
}

fn frames(count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for seq in 1..=count {
        append(&mut bytes, &Header::for_call(Kind::Call, 0, seq), &[7; 50], true);
    }
    bytes
}

/// Returns the numbers of the frames that come back, once each frame has come back or was dropped.
fn send_and_read(proxy: &FaultProxy, count: u64) -> Vec<u64> {
    let (until, dropped) = (Instant::now() + PATIENCE, proxy.seen().dropped);
    let mut stream = TcpStream::connect(proxy.addr()).expect("the proxy listens");
    stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a socket");
    stream.write_all(&frames(count)).expect("written");
    let mut decoder = FrameDecoder::default();
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while seen.len() as u64 + proxy.seen().dropped - dropped < count && Instant::now() < until {
        let Ok(read) = stream.read(&mut buffer) else { continue };
        decoder.push(buffer[..read].to_vec().into());
        while let Ok(Some(frame)) = decoder.next_frame() {
            seen.push(frame.header.seq);
        }
    }
    seen
}

fn proxy(faults: Faults) -> FaultProxy {
    FaultProxy::start(HERE.parse().expect("an address"), echo(), faults, 7).expect("it listens")
}

#[test]
fn without_faults_everything_passes_in_order() {
    let proxy = proxy(Faults::none().split(0.3));
    assert_eq!(send_and_read(&proxy, 100), (1..=100).collect::<Vec<_>>());
    assert_eq!(proxy.seen().forwarded, 200);
}

#[test]
fn whole_frames_are_lost_inside_a_stream_that_stays_readable() {
    let proxy = proxy(Faults::none().drop(0.2));
    let seen = send_and_read(&proxy, 100);
    assert!(seen.len() < 100 && !seen.is_empty() && seen.is_sorted(), "{seen:?}");
    assert_eq!(proxy.seen().dropped, 100 - seen.len() as u64);
    proxy.heal();
    assert_eq!(send_and_read(&proxy, 20).len(), 20);
}

#[test]
fn a_partition_holds_frames_back_and_lets_them_go() {
    let proxy = proxy(Faults::none());
    let mut stream = TcpStream::connect(proxy.addr()).expect("the proxy listens");
    stream.write_all(&frames(1)).expect("written");
    let mut buffer = [0; 86];
    stream.read_exact(&mut buffer).expect("an echo");
    proxy.partition(PATIENCE);
    stream.write_all(&frames(1)).expect("written");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
    assert!(stream.read_exact(&mut buffer).is_err(), "it got through");
    stream.set_read_timeout(None).expect("a socket");
    proxy.partition(Duration::from_millis(10)); // which ends by itself
    stream.read_exact(&mut buffer).expect("an echo");
}

#[test]
fn cut_all_and_drop_end_every_connection() {
    let proxy = proxy(Faults::none());
    for round in 0..2 {
        let mut stream = TcpStream::connect(proxy.addr()).expect("the proxy listens");
        stream.write_all(&frames(1)).expect("written");
        let mut buffer = [0; 86];
        stream.read_exact(&mut buffer).expect("an echo");
        if round == 0 {
            proxy.cut_all();
            assert!(matches!(stream.read(&mut buffer), Ok(0) | Err(_)));
        } else {
            let addr = proxy.addr();
            drop(proxy);
            assert!(matches!(stream.read(&mut buffer), Ok(0) | Err(_)));
            assert!(TcpStream::connect(addr).is_err());
            return;
        }
    }
}
