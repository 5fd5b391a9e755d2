//! The calls per second of each work as bar charts.

use rpc_examples::chart::{Line, Panel, svg as draw};
use rpc_examples::choices::name_of;

use crate::options::Place;
use crate::peer::Peer;
use crate::results::{Figure, Results};

/// Panels beside each other.
const WIDE: usize = 3;
const CALLS: Figure = |figures| figures.calls_per_second;

/// Returns the chart: a panel for each work, a bar for each peer.
pub(crate) fn svg(results: &Results, places: &[Place], works: &[&'static str], peers: &[Peer]) -> String {
    let mut lines = Vec::new();
    for place in places {
        let bars: Vec<_> = peers.iter().map(|peer| (name_of(*peer), *peer as usize)).collect();
        for works in works.chunks(WIDE) {
            let panel = |work: &&'static str| Panel {
                title: (*work).to_owned(),
                values: peers.iter().map(|peer| results.spread(*place, work, *peer, CALLS)).collect(),
            };
            lines.push(Line {
                title: format!("calls per second, placement {}", name_of(*place)),
                quantity: "calls per second".to_owned(),
                decimals: 0,
                bars: bars.clone(),
                panels: works.iter().map(panel).collect(),
            });
        }
    }
    draw(&lines)
}
