//! The page `serving.md`: the end of a server, health, Unix sockets, and listeners that are handed in.

use rpc_core::rpc;
use std::{collections::HashMap, error::Error, sync::Mutex};

#[rpc]
trait Kv {
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Option<String>;
    fn put(&self, key: &str, value: &str);
}

#[derive(Default)]
struct Store(Mutex<HashMap<String, String>>);

impl Kv for Store {
    fn get(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap().get(key).cloned()
    }
    fn put(&self, key: &str, value: &str) {
        self.0.lock().unwrap().insert(key.into(), value.into());
    }
}

/// Compiled, and not run: it waits for a signal, or needs systemd.
fn a_server_ends_at_a_signal() -> Result<(), Box<dyn Error>> {
    use rpc_core::serve_with_shutdown;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let stop = move || _ = signals.forever().next();
    serve_with_shutdown("127.0.0.1:7000", KvServer::new(Store::default()), stop)?;
    Ok(())
}

#[test]
fn a_server_ends_when_a_channel_says_so() -> Result<(), Box<dyn Error>> {
    use rpc_core::Server;

    let server = Server::builder().service(KvServer::new(Store::default())).bind("127.0.0.1:0")?;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let address = server.local_addr();
    let client = std::thread::spawn(move || {
        KvClient::connect(address).unwrap().put("a", "1").unwrap();
        stop.send(()).unwrap();
    });
    server.run_until(move || _ = stopped.recv())?;
    client.join().unwrap();
    Ok(())
}

/// Compiled, and not run: it waits for a signal, or needs systemd.
fn a_second_signal_ends_the_server_at_once() -> Result<(), Box<dyn Error>> {
    use rpc_core::Server;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let server = Server::builder().service(KvServer::new(Store::default())).bind("127.0.0.1:7000")?;
    let handle = server.handle();
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    std::thread::spawn(move || {
        for (count, _) in signals.forever().enumerate() {
            match count {
                0 => handle.drain(),
                _ => handle.drain_within(std::time::Duration::ZERO), // what runs is abandoned; its callers are told 'unknown'
            }
        }
    });
    server.run()?;
    Ok(())
}

#[test]
fn health_is_what_the_program_says() -> Result<(), Box<dyn Error>> {
    use rpc_core::{Connector, Health, HealthClient, HealthState, Server};

    let health = Health::new();
    let server = Server::builder()
        .service(KvServer::new(Store::default()))
        .service(health.clone())
        .bind("127.0.0.1:0")?
        .spawn()?;

    let asks: HealthClient = Connector::new().connect(server.local_addr())?;
    assert_eq!(asks.check()?, HealthState::Starting);
    health.set(HealthState::Serving); // once the store has been read
    assert_eq!(asks.check()?, HealthState::Serving);
    Ok(())
}

/// Compiled, and not run: it waits for a signal, or needs systemd.
fn a_balancer_is_told_before_the_drain() -> Result<(), Box<dyn Error>> {
    use rpc_core::{Health, HealthState, Server};
    use signal_hook::consts::SIGTERM;
    use signal_hook::iterator::Signals;
    use std::time::Duration;

    let health = Health::new();
    let builder = Server::builder().service(KvServer::new(Store::default())).service(health.clone());
    let server = builder.bind("127.0.0.1:7000")?;
    health.set(HealthState::Serving);
    let mut signals = Signals::new([SIGTERM])?;
    server.run_until(move || {
        signals.forever().next();
        health.set(HealthState::Draining);
        std::thread::sleep(Duration::from_secs(10)); // calls go on
    })?;
    Ok(())
}

#[test]
fn calls_run_over_a_unix_socket() -> Result<(), Box<dyn Error>> {
    use rpc_core::Server;

    let path = std::env::temp_dir().join(format!("kv-{}.sock", std::process::id()));
    let address = format!("unix:{}", path.display());
    let server = Server::builder().service(KvServer::new(Store::default())).bind(&address)?.spawn()?;
    let kv = KvClient::connect(&address)?;
    kv.put("a", "1")?;
    drop(kv);
    server.stop()?;
    assert!(!path.exists());
    Ok(())
}

#[test]
fn a_server_takes_listeners_that_it_is_handed() -> Result<(), Box<dyn Error>> {
    use rpc_core::{Listener, Server};

    let from_a_test = std::net::TcpListener::bind("127.0.0.1:0")?;
    let listeners = [Listener::bind("127.0.0.1:0")?, from_a_test.into()];
    let server = Server::builder().service(KvServer::new(Store::default())).listen_on(listeners)?.spawn()?;
    for address in server.addresses() {
        KvClient::connect(address)?.put("a", "1")?;
    }
    Ok(())
}

/// Compiled, and not run: it waits for a signal, or needs systemd.
fn systemd_hands_a_socket_over() -> Result<(), Box<dyn Error>> {
    use rpc_core::Server;

    let mut handed_over = listenfd::ListenFd::from_env(); // first of all, while there is one thread
    let socket = handed_over.take_unix_listener(0)?.ok_or("no socket was handed over")?;
    Server::builder().service(KvServer::new(Store::default())).listen_on([socket])?.run()?;
    Ok(())
}

#[test]
fn a_client_tries_addresses_of_both_kinds() -> Result<(), Box<dyn Error>> {
    use rpc_core::{Address, Server};
    use std::path::Path;

    let server = Server::builder().service(KvServer::new(Store::default())).bind("127.0.0.1:0")?.spawn()?;
    let near = Address::Unix(Path::new("/nowhere/kv.sock").into());
    let kv = KvClient::connect(vec![near, server.local_addr().into()])?;
    kv.put("a", "1")?;
    Ok(())
}

/// The type of the functions here.
type Program = fn() -> Result<(), Box<dyn Error>>;

/// The programs that are compiled only.
const _: [Program; 4] = [
    a_server_ends_at_a_signal,
    a_second_signal_ends_the_server_at_once,
    a_balancer_is_told_before_the_drain,
    systemd_hands_a_socket_over,
];
