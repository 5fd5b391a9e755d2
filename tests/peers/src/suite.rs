//! A whole run: all peers in all works, round by round.

use std::io::{self, Write};
use std::time::Duration;

use clap::ValueEnum;
use rpc_examples::children::Children;
use rpc_examples::choices::name_of;
use rpc_examples::output::{can_be_written, write};
use rpc_examples::signals::end_on_signal;
use rpc_examples::status::{Failure, Status};
use rpc_ours::work::{WORKS, Work, find};

use crate::measure::{Bench, Figures};
use crate::options::{IDLE, Options, Place};
use crate::peer::Peer;
use crate::processes::{raise_descriptors, two_processors};
use crate::programs::Programs;
use crate::results::{Cell, Results};
use crate::{chart, report, syscalls};

/// The works of `--quick`: those that the targets name.
const QUICK: [&str; 7] = ["echo1", "get64", "get256", "threads64", "fan1", "fan16", "large"];
const QUICK_TIME: Duration = Duration::from_millis(250);
const TIME: Duration = Duration::from_secs(1);
/// Connections of the measurement of memory: many, so that the pages of each are seen in the whole.
const CONNECTIONS: usize = 5000;
const QUICK_CONNECTIONS: usize = 1000;
/// Descriptors of the client of ours for each connection: a socket, a poll and a wake-up; and some for all else.
const DESCRIPTORS: u64 = 3;
const OTHER_DESCRIPTORS: u64 = 200;

/// The measurements to make.
struct Plan {
    rounds: u8,
    places: Vec<Place>,
    works: Vec<Work>,
    idle: bool,
    peers: Vec<Peer>,
    count_syscalls: bool,
}

pub(crate) fn run(options: Options) -> Result<(), Failure> {
    let mut out = io::stdout();
    if options.list {
        for work in WORKS {
            writeln!(out, "{:<10} {}", work.name, work.about)?;
        }
        writeln!(out, "{IDLE:<10} the server's memory for each of many connections at rest")?;
        return Ok(());
    }
    let files = [options.csv.as_deref(), options.svg.as_deref()];
    files.into_iter().flatten().try_for_each(can_be_written)?; // checked before the measurement, which takes minutes
    let asked = asked_for(&options)?;
    let programs = Programs::find(&asked, options.before.clone())?;
    let no_syscalls = syscalls::cannot_count();
    let plan = plan(&options, asked, &programs, no_syscalls.is_none())?;
    for (peer, why) in &programs.absent {
        writeln!(out, "absent: {}: {why}", name_of(*peer))?;
    }
    if let Some(why) = &no_syscalls {
        writeln!(out, "absent: system calls: {why}")?;
    }
    let most = raise_descriptors().saturating_sub(OTHER_DESCRIPTORS) / DESCRIPTORS;
    let wanted = if options.quick { QUICK_CONNECTIONS } else { CONNECTIONS };
    let bench = Bench {
        children: Children::new(),
        programs,
        time: options.time.unwrap_or(if options.quick { QUICK_TIME } else { TIME }),
        idle: wanted.min(usize::try_from(most).unwrap_or(wanted)),
    };
    let mut results = Results::default();
    let measured = measure_all(&bench, &plan, &mut results); // after a failure, the earlier measurements are still shown
    write(options.csv.as_deref(), || report::csv(&results))?;
    let works: Vec<_> = plan.works.iter().map(|work| work.name).collect();
    write(options.svg.as_deref(), || chart::svg(&results, &plan.places, &works, &plan.peers))?;
    print(&mut out, &results, &plan, bench.idle)?;
    measured
}

/// The peers of the command line. Ours is always there, since all ratios are ours.
fn asked_for(options: &Options) -> Result<Vec<Peer>, Failure> {
    let mut peers: Vec<Peer> =
        if options.peers.is_empty() { Peer::value_variants().to_vec() } else { options.peers.clone() };
    match &options.before {
        None if options.peers.contains(&Peer::Before) => {
            let text = "the peer `before` needs --before FILE, another build of this program";
            return Err(Failure::new(Status::Usage, text));
        }
        None => peers.retain(|peer| *peer != Peer::Before),
        Some(file) if !file.is_file() => {
            return Err(Failure::new(
                Status::Usage,
                format!("--before: there is no file {}", file.display()),
            ));
        }
        Some(_) => peers.push(Peer::Before),
    }
    peers.push(Peer::Ours);
    peers.sort_unstable();
    peers.dedup();
    Ok(peers)
}

fn plan(
    options: &Options,
    mut peers: Vec<Peer>,
    programs: &Programs,
    count_syscalls: bool,
) -> Result<Plan, Failure> {
    peers.retain(|peer| !programs.absent.contains_key(peer));
    let names: Vec<&str> = match (options.works.is_empty(), options.quick) {
        (false, _) => options.works.clone(),
        (true, true) => QUICK.into_iter().chain([IDLE]).collect(),
        (true, false) => WORKS.iter().map(|work| work.name).chain([IDLE]).collect(),
    };
    let mut places = options.place.clone();
    places.dedup();
    if places.contains(&Place::Split) && two_processors()?.1.is_none() {
        return Err(Failure::new(Status::Usage, "--place split: this process may use one processor only"));
    }
    Ok(Plan {
        rounds: options.rounds,
        places,
        works: names.iter().filter_map(|name| find(name)).collect(),
        idle: names.contains(&IDLE),
        peers,
        count_syscalls,
    })
}

/// Measures round by round, so that a slow moment of the machine falls on all peers and not on one; and each round begins with
/// another peer, so that none is always the first.
fn measure_all(bench: &Bench, plan: &Plan, results: &mut Results) -> Result<(), Failure> {
    end_on_signal(bench.children.clone())?;
    for round in 1..=plan.rounds {
        for (work, place) in
            plan.works.iter().flat_map(|work| plan.places.iter().map(move |place| (work, *place)))
        {
            for peer in in_turn(&plan.peers, round).filter(|peer| peer.does(work)) {
                let measured = |syscalls| bench.load(place, peer, work, syscalls);
                let mut figures = during(bench, peer, work.name, || measured(false))?;
                // Once is enough: the calls of a program differ less from round to round than its speed.
                if plan.count_syscalls && round == 1 {
                    let counted = during(bench, peer, work.name, || measured(true))?;
                    figures.server_syscalls = counted.server_syscalls;
                    figures.client_syscalls = counted.client_syscalls;
                }
                add(results, plan, Cell { round, place, work: work.name, peer, figures });
            }
        }
    }
    for peer in in_turn(&plan.peers, 1).filter(|peer| plan.idle && peer.has_idle()) {
        let figures = during(bench, peer, IDLE, || bench.idle(peer))?;
        add(results, plan, Cell { round: 1, place: Place::None, work: IDLE, peer, figures });
    }
    Ok(())
}

fn in_turn(peers: &[Peer], round: u8) -> impl Iterator<Item = Peer> {
    peers.iter().copied().cycle().skip(usize::from(round) - 1).take(peers.len())
}

fn during(
    bench: &Bench,
    peer: Peer,
    work: &str,
    measure: impl FnOnce() -> Result<Figures, Failure>,
) -> Result<Figures, Failure> {
    measure()
        .inspect_err(|_| bench.children.wait_if_interrupted())
        .map_err(|error| error.during(format!("{}, {work}", name_of(peer))))
}

fn add(results: &mut Results, plan: &Plan, cell: Cell) {
    eprintln!("{}", report::progress(&cell, plan.rounds));
    results.cells.push(cell);
}

fn print(out: &mut impl Write, results: &Results, plan: &Plan, connections: usize) -> Result<(), Failure> {
    let works = plan.works.iter().map(|work| work.name);
    let loads = works.flat_map(|work| plan.places.iter().map(move |place| (*place, work)));
    for (place, work) in loads.chain(plan.idle.then_some((Place::None, IDLE))) {
        let (title, table) = report::table(results, place, work);
        writeln!(out, "\n{title}\n\n{table}")?;
    }
    writeln!(out, "\nTargets\n\n{}", report::targets(results))?;
    writeln!(
        out,
        "\nMedians of {} rounds; the range is of the rounds. A ratio compares figures of one round.",
        plan.rounds
    )?;
    if plan.idle {
        writeln!(out, "Idle: {connections} connections, once.")?;
    }
    Ok(())
}
