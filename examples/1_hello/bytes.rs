//! `hello --bytes`: the frames of the same call, every byte with its field.
//!
//! The network is simulated, and its time is virtual, so that the bytes are the same each time. Client, server and stubs are those of
//! the program.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use rpc_core::Client;
use rpc_examples::status::{Failure, Status, finish};
use rpc_frames::{Annotated, Dialogue, MOST_KEPT, Methods, Style, Way, head, lines};
use rpc_sim::{Faults, Happening, Network};

use crate::{AdderClient, AdderServer, Sum};

/// Returns the exit status if the command line has an argument: the frames were shown, or the argument is wrong.
pub(crate) fn asked() -> Option<ExitCode> {
    let words: Vec<_> = env::args_os().skip(1).collect();
    let known = words.first()? == "--bytes" && words.len() == 1;
    let usage =
        || Failure::new(Status::Usage, "the only argument is --bytes, which shows the frames of the call");
    Some(finish("hello", known.then_some(()).ok_or_else(usage).and_then(|()| show())))
}

fn show() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
    for (way, frame) in frames_of_the_call()? {
        let arrow = if way == Way::ToServer { "client -> server" } else { "client <- server" };
        writeln!(out, "\n{arrow}  {}", head(&frame))?;
        write!(out, "{}", lines(&frame, Style { colour, ..Style::default() }))?;
    }
    Ok(())
}

/// Makes the call, and returns the frames in the order in which they were sent.
fn frames_of_the_call() -> Result<Vec<(Way, Annotated)>, Failure> {
    let network = Network::new(1, Faults::none());
    network.serve(AdderServer::new(Sum));
    network.with_world(|world| world.observe());
    let adder: AdderClient = network.client();
    let sum = adder.add(2, 3)?;
    println!("client: 2 + 3 = {sum}");
    adder.call.close();
    let mut frames = Vec::new();
    let mut connection = Dialogue::new(Methods::of(&[AdderClient::CONTRACT]), MOST_KEPT);
    for seen in network.with_world(|world| world.take_observed()) {
        if let Happening::Sent { frame, bytes, .. } = seen.what {
            let way = if frame.to_server { Way::ToServer } else { Way::ToClient };
            connection.push(way, &bytes, &mut |frame| frames.push((way, frame)));
        }
    }
    Ok(frames)
}
