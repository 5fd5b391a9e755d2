//! `kv` over Unix sockets, and at sockets that its parent has opened, as systemd does.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::programs::{KV, KvServe, run};

#[test]
fn a_unix_socket_is_an_address_like_any_other() {
    let folder = tempfile::tempdir().expect("a place for a socket");
    let path = folder.path().join("kv.sock");
    let address = format!("unix:{}", path.display());
    let server = KvServe::start_as(Command::new(KV).args(["serve", "--addr", &address, "--end-with-parent"]));
    assert_eq!(server.first_line, format!("listening on {address}\n"));
    server.kv(&["put", "a", "1"]).expect(0);
    assert_eq!(server.kv(&["get", "a"]).expect(0).out, "1\n");
    let taken = run(KV, ["serve", "--addr", &address]).expect(2);
    assert!(taken.err.contains("another server listens there"), "{}", taken.err);
    let (status, err) = server.terminate();
    assert_eq!(status, Some(0), "{err}");
    assert!(!path.exists(), "the server has removed its file");
    let gone = run(KV, ["get", "a", "--addr", &address, "--deadline", "300ms"]).expect(3);
    assert!(gone.err.contains("no socket at this path"), "{}", gone.err);
    let wrong = run(KV, ["get", "a", "--addr", "unix:"]).expect(2);
    assert!(wrong.err.contains("a path follows"), "{}", wrong.err);
}

#[test]
fn the_file_of_a_server_that_was_killed_is_replaced() {
    let folder = tempfile::tempdir().expect("a place for a socket");
    let address = format!("unix:{}", folder.path().join("kv.sock").display());
    let start =
        || KvServe::start_as(Command::new(KV).args(["serve", "--addr", &address, "--end-with-parent"]));
    let first = start();
    first.signal("KILL");
    first.wait();
    assert_eq!(start().first_line, format!("listening on {address}\n"));
}

/// Starts the server as systemd does for a unit with two `ListenStream=` lines: the sockets are the descriptors from 3 on.
fn hand_over(tcp: TcpListener, unix: UnixListener, standard_input: &str) -> Command {
    let mut shell = Command::new("sh");
    let script = format!(
        "exec 3<&0 4<&1 0<{standard_input} 1>&2; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" serve --inherited --quiet"
    );
    shell.args(["-c", &script, KV]).stdin(Stdio::from(OwnedFd::from(tcp))).stdout(OwnedFd::from(unix));
    shell
}

#[test]
fn a_server_serves_at_the_sockets_that_it_was_handed() {
    let folder = tempfile::tempdir().expect("a place for a socket");
    let path = folder.path().join("kv.sock");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (port, unix) = (tcp.local_addr().expect("bound"), UnixListener::bind(&path).expect("a free path"));
    let mut server = hand_over(tcp, unix, "/dev/null").stderr(Stdio::piped()).spawn().expect("sh is there");
    // The sockets listen already, so that the first call waits for the server.
    run(KV, ["put", "a", "1", "--addr", &port.to_string(), "--deadline", "60s"]).expect(0);
    let got = run(KV, ["get", "a", "--addr", &format!("unix:{}", path.display())]).expect(0);
    assert_eq!(got.out, "1\n", "one server at both");
    crate::programs::signal(server.id(), "TERM");
    assert_eq!(server.wait().expect("it was started").code(), Some(0));
    assert!(path.exists(), "the file belongs to the program that has made it");
    let none = run(KV, ["serve", "--inherited"]).expect(2);
    assert!(none.err.contains("no socket was handed over"), "{}", none.err);
}
