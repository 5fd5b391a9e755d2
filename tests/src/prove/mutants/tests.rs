//! The conclusion of a run: which survivors fail it.

use super::*;

/// A generated fault that was judged.
fn generated(in_net: bool, excuse: Option<&str>, verdict: Verdict) -> Case {
    Case {
        name: "g-00000001".to_owned(),
        what: "a change".to_owned(),
        fault: None,
        excuse: excuse.map(str::to_owned),
        switch: weave::Switch { number: 1, bodies: Vec::new(), in_net },
        verdict: Some(verdict),
    }
}

fn report_of(case: Case) -> Report {
    let (mut report, root) = (Report::new(PART.name), PathBuf::new());
    conclude(
        &Bench {
            root,
            cases: vec![case],
            seed: 1,
            proposed: Some(9),
            unviable: 0,
            left_out: 0,
            report_generated: false,
        },
        &mut report,
    );
    report
}

#[test]
fn a_generated_fault_that_survives_without_a_row_fails_the_run_and_is_named() {
    let failure = report_of(generated(false, None, Verdict::Survived)).failure.expect("the run fails");
    assert_eq!(failure.seed, "g-00000001");
    assert!(failure.rule.contains("a change") && failure.rule.contains(TABLE), "{}", failure.rule);
    assert_eq!(failure.replay, "replay mutants g-00000001");
}

#[test]
fn a_generated_fault_that_is_found_or_has_a_row_or_lies_in_the_threads_fails_no_run() {
    let killed = Verdict::Killed("unit", "a_test".to_owned());
    for case in [
        generated(false, Some("equal"), Verdict::Survived),
        generated(false, None, killed),
        generated(false, None, Verdict::Hung("unit")),
        generated(true, None, Verdict::Survived),
    ] {
        assert!(report_of(case).failure.is_none());
    }
}
