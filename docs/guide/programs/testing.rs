//! The page `testing.md`: the queue without sockets, on a faulty network, and behind a proxy.

use std::collections::HashSet;
use std::time::Duration;

use rpc_core::{CallError, Connector, Server};
use rpc_sim::{FaultProxy, Faults, Network, in_process};

use crate::jobs::{Job, JobsClient, JobsServer, Queue};

#[test]
fn the_most_urgent_job_is_taken_first() -> Result<(), Box<dyn std::error::Error>> {
    let jobs: JobsClient = in_process(JobsServer::new(Queue::default()));
    jobs.enqueue(Job { name: "sweep".to_owned(), priority: 1 })?;
    jobs.enqueue(Job { name: "extinguish".to_owned(), priority: 9 })?;
    let (_, first) = jobs.take()?.expect("two jobs are in the queue");
    assert_eq!(first.name, "extinguish");
    Ok(())
}

#[test]
fn no_job_is_there_twice_whatever_the_network_does() {
    for seed in 0..20 {
        let network = Network::new(seed, Faults::bad());
        network.serve(JobsServer::new(Queue::default()));
        let jobs: JobsClient = network.client();
        network.partition(Duration::from_secs(2));

        let (mut sure, mut unknown) = (0, 0);
        for n in 0..50 {
            match jobs.enqueue(Job { name: format!("job {n}"), priority: 1 }) {
                Ok(_) | Err(CallError::ReplyLost(_)) => sure += 1,
                Err(CallError::Unknown(_)) => unknown += 1,
                Err(_) => {} // it did not run
            }
        }
        network.set_faults(Faults::none());
        network.run_for(Duration::from_secs(10));

        let mut names = HashSet::new();
        while let Ok(Some((_, job))) = jobs.take() {
            assert!(names.insert(job.name.clone()), "seed {seed}: {} is there twice", job.name);
        }
        assert!((sure..=sure + unknown).contains(&names.len()), "seed {seed}: {} jobs", names.len());
    }
}

#[test]
fn a_client_outlives_its_server() {
    let network = Network::new(7, Faults::none());
    network.serve(JobsServer::new(Queue::default()));
    let jobs: JobsClient = network.client();
    assert!(jobs.waiting().is_ok());

    network.crash_server();
    let lost = jobs.call.with_deadline(Duration::from_secs(1)).take();
    assert!(lost.is_err(), "nothing answers");
    network.restart_server();
    assert!(jobs.take().is_ok(), "the next call opens another session");
}

#[test]
fn the_same_faults_on_real_sockets() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;
    let faults = Faults::none().drop(0.02).duplicate(0.1).cut(0.02);
    let proxy = FaultProxy::start("127.0.0.1:0".parse()?, server.local_addr(), faults, 1)?;
    let patient = Connector::new().connect_timeout(Duration::from_secs(5));
    let jobs: JobsClient = patient.connect(proxy.addr())?;
    for n in 0..20 {
        let _ = jobs.enqueue(Job { name: format!("job {n}"), priority: 1 });
    }
    proxy.heal();
    assert!(jobs.waiting()? <= 20, "no job is there twice");
    Ok(())
}
