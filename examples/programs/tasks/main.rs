//! Tasks: coroutines on an executor of 110 lines. A function that stops half way, two stages of scheduling, what a switch
//! saves, many tasks that wait, and one that does not.

mod executor;
mod ping_pong;
mod timer;

use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use rpc_examples::status::{Failure, finish};

use crate::executor::Executor;
use crate::timer::Timer;

fn main() -> ExitCode {
    finish("tasks", tasks())
}

fn tasks() -> Result<(), Failure> {
    half_way()?;
    two_stages()?;
    what_a_switch_saves()?;
    many_that_wait()?;
    one_that_does_not_wait()
}

/// Lets the other tasks run, once: Go's `runtime.Gosched()`.
struct Pause(bool);

fn pause() -> Pause {
    Pause(false)
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref(); // back into the queue, at its end
        Poll::Pending
    }
}

/// The events of a run, in their order.
type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, what: String) {
    log.lock().unwrap_or_else(PoisonError::into_inner).push(what);
}

fn noted(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The notes: a coroutine runs function A half way, goes on with B, and comes back to A.
fn half_way() -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "== 1. A function that stops half way: two tasks, one thread")?;
    let (executor, log) = (Executor::new(), Log::default());
    for name in ["A", "B"] {
        let log = Arc::clone(&log);
        executor.spawn(async move {
            let mut sum = 0; // it lives in the task while another one runs
            for step in 1..=3 {
                sum += step;
                note(&log, format!("{name}: step {step}, sum {sum}"));
                pause().await; // here it stops, and here it goes on
            }
        });
    }
    executor.run();
    noted(&log).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    writeln!(
        out,
        "  No step was interrupted: a task gives its thread away at an `await`, and nowhere else. So `sum` needs no lock."
    )?;
    Ok(())
}

/// The notes' open question: the kernel chooses a thread, and then the runtime chooses a task.
fn two_stages() -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "\n== 2. Two stages of scheduling: four tasks, two threads")?;
    let (executor, log) = (Executor::new(), Log::default());
    for name in ["a", "b", "c", "d"] {
        let log = Arc::clone(&log);
        executor.spawn(async move {
            for step in 1..=4 {
                let thread = thread::current().name().unwrap_or("?").to_owned();
                note(&log, format!("{thread} {name}{step}"));
                thread::sleep(Duration::from_millis(2)); // work: the kernel may give the core to the other thread
                pause().await;
            }
        });
    }
    thread::scope(|scope| {
        for number in 1..=2 {
            let executor = &executor;
            let thread = thread::Builder::new().name(format!("thread-{number}"));
            thread.spawn_scoped(scope, || executor.run())?;
        }
        Ok::<(), io::Error>(())
    })?;
    let events = noted(&log);
    for thread in ["thread-1", "thread-2"] {
        let of_thread = |event: &String| match event.split_once(' ') {
            Some((name, step)) if name == thread => format!("{step:<3}"),
            _ => ".. ".to_owned(),
        };
        writeln!(out, "  {thread} {}", events.iter().map(of_thread).collect::<String>())?;
    }
    writeln!(
        out,
        "  Stage 1: the kernel chooses which thread runs, and may interrupt it anywhere (time goes to the right).\n  \
         Stage 2: the executor chooses which task the thread runs, and a task goes on with any of them."
    )?;
    Ok(())
}

fn what_a_switch_saves() -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "\n== 3. What a switch saves")?;
    let small = async {
        let sum = 1_u64;
        pause().await;
        std::hint::black_box(sum);
    };
    let large = async {
        let page = [0_u8; 1000];
        pause().await;
        std::hint::black_box(page);
    };
    writeln!(
        out,
        "  thread: all registers, the program counter and the stack pointer, by the kernel; its stacks stay where they are\n  \
         task:   nothing, since it returns: what it needs later is a value already, with the number of the `await`"
    )?;
    writeln!(out, "  a task with one number alive over its `await`:  {:>4} bytes", size_of_val(&small))?;
    writeln!(out, "  a task with 1,000 bytes alive over its `await`: {:>4} bytes", size_of_val(&large))?;
    let (tasks, threads) = (ping_pong::tasks(), ping_pong::threads()?);
    writeln!(
        out,
        "  {} switches between two tasks on a thread: {:.0} ns each",
        tasks.switches,
        tasks.each_ns()
    )?;
    writeln!(out, "  {} switches between two threads: {:.0} ns each", threads.switches, threads.each_ns())?;
    writeln!(
        out,
        "  a switch of threads cost {:.0} times a switch of tasks",
        threads.each_ns() / tasks.each_ns()
    )?;
    Ok(())
}

fn many_that_wait() -> Result<(), Failure> {
    const TASKS: usize = 10_000;
    const WAIT: Duration = Duration::from_millis(100);
    let mut out = io::stdout();
    writeln!(
        out,
        "\n== 4. Many that wait: {TASKS} tasks, two threads, each task waits for {} ms",
        WAIT.as_millis()
    )?;
    let (executor, timer) = (Executor::new(), Timer::start()?);
    let waiting = Arc::new(Mutex::new((0_usize, 0_usize)));
    let begun = Instant::now();
    for _ in 0..TASKS {
        let (timer, waiting) = (timer.clone(), Arc::clone(&waiting));
        executor.spawn(async move {
            let change = |by: isize| {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.0 = waiting.0.saturating_add_signed(by);
                waiting.1 = waiting.1.max(waiting.0);
            };
            change(1);
            timer.sleep(WAIT).await;
            change(-1);
        });
    }
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(|| executor.run()))));
    let (_, most) = *waiting.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(
        out,
        "  {most} waited at the same moment; all had ended after {} ms",
        begun.elapsed().as_millis()
    )?;
    writeln!(
        out,
        "  one after the other they would have taken {} s",
        TASKS as u128 * WAIT.as_millis() / 1000
    )?;
    Ok(())
}

/// Cooperative: a task that does not reach an `await` keeps its thread, and no other task of that thread runs.
fn one_that_does_not_wait() -> Result<(), Failure> {
    const LONG: Duration = Duration::from_millis(50);
    let mut out = io::stdout();
    writeln!(out, "\n== 5. One that does not wait: two tasks, one thread")?;
    let (executor, log) = (Executor::new(), Log::default());
    let begun = Instant::now();
    let (of_long, of_short) = (Arc::clone(&log), Arc::clone(&log));
    executor.spawn(async move {
        thread::sleep(LONG); // blocks the thread: it is no `await`
        note(&of_long, format!("the long task ends, and has not awaited for {} ms", LONG.as_millis()));
    });
    executor.spawn(async move {
        note(&of_short, format!("the short task begins, after {} ms", begun.elapsed().as_millis()));
    });
    executor.run();
    noted(&log).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    writeln!(
        out,
        "  Threads are interrupted by the kernel, tasks are not: a handler of an event loop has the same rule. (Go's runtime\n  \
         interrupts goroutines; Rust's executors do not.)"
    )?;
    Ok(())
}
