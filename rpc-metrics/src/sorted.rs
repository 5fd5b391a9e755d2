//! The page with the series of each metric in the order of their labels, so that people and `diff` can read it.

/// The label with the bound of a bucket, as the first one and as another one.
const LE: &str = "le=\"";
const NEXT_LE: &str = ",le=\"";

/// Returns the page with its series sorted. The lines of one series (the buckets of a histogram, its sum and its count) stay in their
/// order, and so do the metrics.
pub(crate) fn sorted(page: &str) -> String {
    let mut sorted = String::with_capacity(page.len());
    let mut series: Vec<(String, &str)> = Vec::new();
    for line in page.lines() {
        if line.starts_with('#') {
            write_out(&mut series, &mut sorted);
            push(&mut sorted, line);
        } else {
            series.push((labels(line), line));
        }
    }
    write_out(&mut series, &mut sorted);
    sorted
}

/// Appends the series of one metric, and leaves none.
fn write_out(series: &mut Vec<(String, &str)>, into: &mut String) {
    series.sort_by(|one, other| one.0.cmp(&other.0)); // stable
    series.drain(..).for_each(|(_, line)| push(into, line));
}

fn push(into: &mut String, line: &str) {
    into.push_str(line);
    into.push('\n');
}

/// Returns the labels of a line without the bound of a bucket, which the lines of one series differ in.
fn labels(line: &str) -> String {
    let labels =
        line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
    let Some(at) = (labels.starts_with(LE).then_some(0)).or(labels.find(NEXT_LE)) else {
        return labels.to_owned();
    };
    let (before, rest) = labels.split_at(at);
    // Behind the quote that ends the bound: it is a number, so it has none itself.
    let after = rest.splitn(3, '"').nth(2).unwrap_or_default();
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_metric_are_sorted_and_the_lines_of_one_keep_their_order() {
        let page = "# HELP a b\n# TYPE a histogram\na_sum{method=\"z\"} 1\na_count{method=\"z\"} 1\n\
                    a_bucket{method=\"z\",le=\"2.0\"} 1\na_bucket{method=\"z\",le=\"10.0\"} 1\n\
                    a_sum{method=\"b\"} 0\na_bucket{method=\"b\",le=\"2.0\"} 0\n\
                    # HELP c d\nc{x=\"2\"} 1\nc{x=\"1\"} 2\nc 3\n# EOF\n";
        let wanted = "# HELP a b\n# TYPE a histogram\na_sum{method=\"b\"} 0\na_bucket{method=\"b\",le=\"2.0\"} 0\n\
                      a_sum{method=\"z\"} 1\na_count{method=\"z\"} 1\na_bucket{method=\"z\",le=\"2.0\"} 1\n\
                      a_bucket{method=\"z\",le=\"10.0\"} 1\n# HELP c d\nc 3\nc{x=\"1\"} 2\nc{x=\"2\"} 1\n# EOF\n";
        assert_eq!(sorted(page), wanted);
        assert_eq!(sorted(wanted), wanted);
    }
}
