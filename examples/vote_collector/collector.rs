//! The collector: starts the voters, asks all of them at once, decides, and looks what is left.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::stub::Plain;
use rpc_core::{CallError, Connector, Race};
use rpc_examples::children::{Children, Worker};
use rpc_examples::signals::end_on_signal;
use rpc_examples::status::{Failure, Status};

use crate::VoteOptions;
use crate::ballot::VoterClient;

/// How long a voter's process may take to start; a machine under load is slow.
const START: Duration = Duration::from_secs(10);
/// How long the voter thinks that is slow: longer than anybody waits.
const SLOW: Duration = Duration::from_secs(60);

/// What is known about a voter before it is asked.
struct Booth {
    name: String,
    worker: Worker,
    addr: String,
}

/// The votes so far.
#[derive(Default)]
struct Tally {
    yes: u16,
    no: u16,
    silent: u16,
}

/// Holds the vote; whatever comes of it, the voters are ended.
pub(crate) fn collect(options: &VoteOptions) -> Result<(), Failure> {
    let children = Children::new();
    end_on_signal(children.clone())?;
    let result = vote(options, &children);
    children.wait_if_interrupted();
    result
}

fn vote(options: &VoteOptions, children: &Children) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let booths = open_booths(options, children)?;
    let (voters, need) = (options.voters, options.need);
    writeln!(out, "{voters} voters, each a process of its own; {need} must say yes (seed {})", options.seed)?;
    let mut tally = Tally::default();
    let clients = reach(&booths, &mut tally, &mut out)?;

    let begun = Instant::now();
    let mut race: Race<&str, Plain<Option<bool>>> = clients
        .iter()
        .map(|(name, voter)| (name.as_str(), voter.call.within(options.patience).start.vote("more cake?")))
        .collect();
    while tally.yes < need {
        let Some((name, vote)) = race.next() else { break };
        let at = begun.elapsed().as_millis();
        let vote = count(&mut tally, vote);
        writeln!(out, "{at:>5} ms  {name:<8} {vote}")?;
    }
    let decided = begun.elapsed().as_millis();
    let left = race.left();
    drop(race); // cancels the questions that are still open, and frees what waits for them
    let majority = tally.yes >= need;
    let verdict = if majority { "majority" } else { "no majority" };
    let Tally { yes, no, silent } = tally;
    writeln!(
        out,
        "{decided:>5} ms  {verdict}: {yes} yes, {no} no, {silent} without a vote, {left} not waited for"
    )?;
    account(&clients, &mut out)?;
    drop(clients);
    drop(booths);
    writeln!(out, "processes still there: {}", children.count())?;
    if majority { Ok(()) } else { Err(Failure::new(Status::Negative, "")) }
}

/// Starts the voters, and ends the one that is to be down. What each thinks and how long is the seed's choice.
fn open_booths(options: &VoteOptions, children: &Children) -> Result<Vec<Booth>, Failure> {
    let mut dice = Dice(options.seed);
    let last = options.voters - 1;
    let mut booths = Vec::new();
    for number in 0..options.voters {
        let name = format!("voter {}", number + 1);
        let thinks = if number + 1 == last { SLOW } else { Duration::from_millis(20 + dice.below(280)) };
        let mut arguments = vec!["voter".to_owned(), format!("--thinks={}ms", thinks.as_millis())];
        if dice.below(10) < 7 {
            arguments.push("--yes".to_owned());
        }
        let worker = children.start(&name, &arguments)?;
        booths.push(Booth { name, worker, addr: String::new() });
    }
    let until = Instant::now() + START;
    for booth in &mut booths {
        let line = booth.worker.next_line(until)?;
        booth.addr = line.rsplit(' ').next().unwrap_or_default().to_owned();
    }
    if let Some(down) = booths.last() {
        down.worker.end();
    }
    Ok(booths)
}

/// Connects to all voters at the same time: one that is down must not hold up the others.
fn reach(
    booths: &[Booth],
    tally: &mut Tally,
    out: &mut impl Write,
) -> Result<Vec<(String, VoterClient)>, Failure> {
    let results = thread::scope(|scope| {
        let attempts: Vec<_> = booths
            .iter()
            .map(|booth| booth.addr.as_str())
            .map(|addr| scope.spawn(move || Connector::new().slots(2).connect::<VoterClient>(addr)))
            .collect();
        attempts
            .into_iter()
            .map(|attempt| attempt.join().expect("connecting does not panic"))
            .collect::<Vec<_>>()
    });
    let mut clients = Vec::new();
    for (booth, result) in booths.iter().zip(results) {
        match result {
            Ok(client) => clients.push((booth.name.clone(), client)),
            Err(error) => {
                tally.silent += 1;
                writeln!(out, "{:>8}  {:<8} no vote: {error}", "", booth.name)?;
            }
        }
    }
    Ok(clients)
}

/// Counts a vote, and says in words what it is.
fn count(tally: &mut Tally, vote: Result<Option<bool>, CallError>) -> String {
    let (counter, text) = match vote {
        Ok(Some(true)) => (&mut tally.yes, "yes".to_owned()),
        Ok(Some(false)) => (&mut tally.no, "no".to_owned()),
        Ok(None) => (&mut tally.silent, "no vote: it was not waited for any longer".to_owned()),
        Err(error) => (&mut tally.silent, format!("no vote: {error}")),
    };
    *counter += 1;
    text
}

/// Asks the voters what they have seen, and our side what still waits: the proof that nothing has leaked.
fn account(clients: &[(String, VoterClient)], out: &mut impl Write) -> Result<(), Failure> {
    let (mut asked, mut voted, mut cancelled, mut waiting) = (0, 0, 0, 0);
    for (name, voter) in clients {
        // `seen` answers when the voter has stopped thinking. It follows the cancel over the same connection.
        let seen = voter.seen().map_err(|error| Failure::from(error).during(name))?;
        asked += seen.asked;
        voted += seen.voted;
        cancelled += seen.cancelled;
        waiting += voter.call.stats().dirty_slots;
    }
    writeln!(
        out,
        "the voters saw: {asked} questions, {voted} answered, {cancelled} cancelled while they thought"
    )?;
    writeln!(out, "callers still waiting: {waiting}")?;
    Ok(())
}

/// The seed's choices (SplitMix64): the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
