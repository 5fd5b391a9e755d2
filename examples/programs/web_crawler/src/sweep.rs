//! The number of workers, by the notes' rule: add workers until the throughput stops rising.

use std::io::Write;
use std::sync::Arc;

use crate::failure::{Failure, tell};
use crate::options::Options;
use crate::report::Report;
use crate::run::{Plan, crawl};

/// More workers help as long as they bring at least this much.
const WORTH_IT: f64 = 1.1;

/// Crawls the same with each number of workers, prints a table, and returns the exit status.
///
/// # Errors
/// Returns an error if a crawl fails, two of them differ, or the table cannot be written.
pub fn sweep(options: &Options, plan: &Plan, output: &mut dyn Write) -> Result<u8, Failure> {
    writeln!(
        output,
        "{:>7}  {:>7}  {:>8}  {:>8}  {:>10}",
        "workers", "pages", "seconds", "pages/s", "in flight"
    )
    .map_err(Failure::output)?;
    let mut rows: Vec<(u32, Report)> = Vec::new();
    for &workers in &options.workers {
        let task = Arc::new(plan.task(options, workers, None)?);
        let report = crawl(options, plan, &task)?;
        let (pages, seconds) = (report.pages.len(), report.took.as_secs_f64());
        writeln!(
            output,
            "{workers:>7}  {pages:>7}  {seconds:>8.2}  {:>8.0}  {:>10}",
            report.rate(),
            report.most_in_flight
        )
        .and_then(|()| output.flush())
        .map_err(Failure::output)?;
        rows.push((workers, report));
    }
    check_same(&rows)?;
    tell(format_args!("{}\n", verdict(&rows)));
    let Some((_, report)) = rows.last() else { return Ok(0) };
    tell(report.findings()); // each crawl has the same
    Ok(report.status())
}

/// A limit leaves out other pages each time; without one all crawls must agree.
fn check_same(rows: &[(u32, Report)]) -> Result<(), Failure> {
    for pair in rows.windows(2) {
        let [(few, a), (many, b)] = pair else { continue };
        let same = a.pages.keys().eq(b.pages.keys()) && a.dead == b.dead;
        if !(same || a.cut_short || b.cut_short) {
            return Err(Failure::Own(format!(
                "{few} and {many} workers found different pages: a fault, or a site that changes"
            )));
        }
    }
    Ok(())
}

fn verdict(rows: &[(u32, Report)]) -> String {
    let mut ordered: Vec<(u32, f64)> =
        rows.iter().map(|(workers, report)| (*workers, report.rate())).collect();
    ordered.sort_by_key(|(workers, _)| *workers);
    let stops = ordered.windows(2).find(|pair| matches!(pair, [(_, a), (_, b)] if *b < a * WORTH_IT));
    match (stops, ordered.last()) {
        (Some([(enough, _), (more, _)]), _) => {
            format!("{more} workers bring less than a tenth more than {enough}: {enough} are enough here")
        }
        (_, Some((most, _))) => format!("throughput still rises at {most} workers: try more"),
        _ => String::new(),
    }
}
