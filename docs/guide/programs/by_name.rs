//! The page `by_name.md`: methods that are known only at run time.

use rpc_core::{CallError, Connector, Never, Server};

use crate::jobs::{Job, JobsServer, Queue, QueueError};

#[test]
fn a_program_without_the_trait_lists_and_calls_methods() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(JobsServer::new(Queue::default())).bind("127.0.0.1:0")?.spawn()?;

    let client = Connector::new().connect_by_name(server.local_addr(), &["Jobs"])?;
    for (name, signature) in client.methods("Jobs") {
        println!("{name}: {signature}");
    }
    let job = Job { name: "paint".to_owned(), priority: 1 };
    let number: u64 = client.call::<_, QueueError>("Jobs.enqueue", &(job,))?;
    let waiting: u64 = client.call::<_, Never>("Jobs.waiting", &())?;
    assert_eq!((number, waiting), (1, 1));

    let missing = client.call::<u64, Never>("Jobs.enqeue", &());
    assert!(matches!(missing, Err(CallError::NotExecuted(_)))); // its text lists the methods that there are
    Ok(())
}
