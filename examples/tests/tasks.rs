//! `tasks` and `services`: what the lessons say holds at every run.

use crate::programs::run;

#[test]
fn two_coroutines_take_turns_on_one_thread() {
    let said = run(env!("CARGO_BIN_EXE_tasks"), [""; 0]).expect(0);
    let steps = "  A: step 1, sum 1\n  B: step 1, sum 1\n  A: step 2, sum 3\n  B: step 2, sum 3\n";
    assert!(said.out.contains(steps), "{}", said.out);
}

#[test]
fn each_step_of_a_task_runs_once_on_one_of_two_threads() {
    let said = run(env!("CARGO_BIN_EXE_tasks"), [""; 0]).expect(0);
    let lanes: String = said.out.lines().filter(|line| line.starts_with("  thread-")).collect();
    let mut steps: Vec<&str> =
        lanes.split_whitespace().filter(|word| word.len() == 2 && !word.starts_with('.')).collect();
    steps.sort_unstable();
    let all = ["a", "b", "c", "d"].map(|task| (1..=4).map(move |step| format!("{task}{step}")));
    assert_eq!(steps, all.into_iter().flatten().collect::<Vec<_>>(), "{}", said.out);
}

#[test]
fn all_tasks_wait_at_the_same_moment_and_one_that_blocks_holds_the_others() {
    let said = run(env!("CARGO_BIN_EXE_tasks"), [""; 0]).expect(0);
    let most =
        said.out.lines().find_map(|line| line.trim().strip_suffix(" ms")?.split(' ').next()?.parse().ok());
    assert!(most.is_some_and(|most: u32| most > 1_000), "{}", said.out); // a slow machine may not start all in 100 ms
    let long = said.out.find("the long task ends").expect("it ends");
    assert!(long < said.out.find("the short task begins").expect("it begins"), "{}", said.out);
}

#[test]
fn the_executor_fits_on_three_screens() {
    assert!(include_str!("../programs/tasks/executor.rs").lines().count() <= 150);
}

#[test]
fn three_services_share_a_server_and_two_of_them_a_map() {
    let said = run(env!("CARGO_BIN_EXE_services"), [""; 0]).expect(0);
    for line in [
        "Adder.add(2, 3) -> 5",
        "Admin.keys() -> [\"subject\"]",
        "Admin.clear() -> 1",
        "Kv.get(subject) -> None",
        "Adder.add(4, 5) -> 9",
    ] {
        assert!(said.out.lines().any(|said| said == line), "{line}: {}", said.out);
    }
    let refused = said.out.lines().find(|line| line.starts_with("Vote.ask -> ")).expect("a line");
    assert!(refused.contains("Vote") && !refused.ends_with("true"), "{refused}");
}
