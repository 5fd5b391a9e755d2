//! The page `running.md`: limits and counters.

use std::thread;
use std::time::Duration;

use rpc_core::{ClientLimits, Connector, Server, ServerLimits};
use serde::{Deserialize, Serialize};

use crate::jobs::{JobsClient, JobsServer, Queue};
use crate::queue::connected;

#[test]
fn limits_are_fields_of_which_one_names_those_that_differ() -> Result<(), Box<dyn std::error::Error>> {
    let limits = ServerLimits { connections: 500, max_frame: 16 << 20, ..ServerLimits::default() };
    let server = Server::builder()
        .service(JobsServer::new(Queue::default()))
        .limits(limits)
        .bind("127.0.0.1:0")?
        .spawn()?;

    let limits = ClientLimits { max_frame: 16 << 20, ..ClientLimits::default() };
    let jobs: JobsClient = Connector::new().limits(limits).connect(server.local_addr())?;
    assert_eq!(jobs.waiting()?, 0);
    Ok(())
}

/// A tree of any depth.
#[derive(Serialize, Deserialize)]
enum Tree {
    Leaf,
    Branch(Box<Tree>),
}

impl Tree {
    fn of(depth: u64) -> Self {
        (0..depth).fold(Tree::Leaf, |below, _| Tree::Branch(Box::new(below)))
    }
}

#[rpc_core::rpc]
trait Trees {
    fn depth(&self, tree: Tree) -> u64;
}

struct AllTrees;

impl Trees for AllTrees {
    fn depth(&self, tree: Tree) -> u64 {
        match tree {
            Tree::Leaf => 0,
            Tree::Branch(below) => 1 + self.depth(*below),
        }
    }
}

#[test]
fn values_may_nest_deeper_if_both_sides_say_so() -> Result<(), Box<dyn std::error::Error>> {
    let limits = ServerLimits { nesting: 1000, ..ServerLimits::default() };
    let server =
        Server::builder().service(TreesServer::new(AllTrees)).limits(limits).bind("127.0.0.1:0")?.spawn()?;

    let limits = ClientLimits { nesting: 1000, ..ClientLimits::default() };
    let trees: TreesClient = Connector::new().limits(limits).connect(server.local_addr())?;

    use rpc_core::limits::STACK_PER_LEVEL; // 32 KiB

    let caller = thread::Builder::new().stack_size(1000 * STACK_PER_LEVEL);
    let depth = caller.spawn(move || trees.depth(Tree::of(900)))?;
    assert_eq!(depth.join().expect("its stack is enough")?, 900);
    Ok(())
}

#[test]
fn a_setting_outside_its_bounds_is_an_error_when_it_is_given() {
    let limits = ServerLimits { slots: 0, ..ServerLimits::default() };
    let refused =
        Server::builder().service(JobsServer::new(Queue::default())).limits(limits).bind("127.0.0.1:0");
    assert!(refused.is_err_and(|error| error.to_string().contains("slots")));
}

#[test]
fn counters_can_be_read_from_any_thread() -> Result<(), Box<dyn std::error::Error>> {
    let (server, jobs) = connected()?;
    jobs.take()?;

    let handle = server.handle(); // give a clone of it to the thread that reports
    let counters = handle.counters();
    println!("{} calls, {} ran, {} duplicates", counters.calls, counters.executions, counters.duplicates());
    if handle.oldest_running() > Duration::from_secs(60) {
        println!("a handler does not return");
    }
    assert_eq!(counters.executions, 1);
    Ok(())
}
