//! The measurements put together: the spread of each figure, and the ratios of two peers in the same round.

use rpc_examples::spread::Spread;

use crate::measure::Figures;
use crate::options::Place;
use crate::peer::Peer;

/// One measurement.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) round: u8,
    pub(crate) place: Place,
    pub(crate) work: &'static str,
    pub(crate) peer: Peer,
    pub(crate) figures: Figures,
}

/// A figure of a measurement.
pub(crate) type Figure = fn(&Figures) -> Option<f64>;

/// All measurements.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) cells: Vec<Cell>,
}

impl Results {
    fn cells(&self, place: Place, work: &str, peer: Peer) -> impl Iterator<Item = &Cell> {
        let wanted = move |cell: &&Cell| (cell.place, cell.work, cell.peer) == (place, work, peer);
        self.cells.iter().filter(wanted)
    }

    /// Returns the peers that were measured in this work, in their order.
    pub(crate) fn peers(&self, place: Place, work: &str) -> Vec<Peer> {
        let here = self.cells.iter().filter(|cell| cell.place == place && cell.work == work);
        let mut peers: Vec<Peer> = here.map(|cell| cell.peer).collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }

    /// Returns the spread of a figure over the rounds; `None` if it was not measured.
    pub(crate) fn spread(&self, place: Place, work: &str, peer: Peer, figure: Figure) -> Option<Spread> {
        let values: Vec<f64> =
            self.cells(place, work, peer).filter_map(|cell| figure(&cell.figures)).collect();
        (!values.is_empty()).then(|| Spread::of(values.into_iter()))
    }

    /// Returns the spread of the ratios of our figure to a peer's in the same round.
    pub(crate) fn ratio(&self, place: Place, work: &str, peer: Peer, figure: Figure) -> Option<Spread> {
        self.ratio_of([Peer::Ours, peer], place, work, figure)
    }

    /// Returns the spread of the ratios of two peers' figures in the same round.
    ///
    /// The machine is faster in one round than in the next, so only figures of one round are compared.
    pub(crate) fn ratio_of(
        &self,
        [peer, other]: [Peer; 2],
        place: Place,
        work: &str,
        figure: Figure,
    ) -> Option<Spread> {
        let in_round = |peer: Peer, round: u8| {
            let mut cells = self.cells(place, work, peer).filter(move |cell| cell.round == round);
            cells.find_map(|cell| figure(&cell.figures))
        };
        let last = self.cells.iter().map(|cell| cell.round).max()?;
        let ratios: Vec<f64> = (1..=last)
            .filter_map(|round| Some(in_round(peer, round)? / in_round(other, round)?))
            .filter(|ratio| ratio.is_finite())
            .collect();
        (!ratios.is_empty()).then(|| Spread::of(ratios.into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(round: u8, peer: Peer, calls: f64) -> Cell {
        let figures = Figures { calls_per_second: Some(calls), ..Figures::default() };
        Cell { round, place: Place::Same, work: "get64", peer, figures }
    }

    #[test]
    fn ratios_compare_figures_of_one_round() {
        let cells = vec![
            cell(1, Peer::Ours, 10.0),
            cell(1, Peer::Raw, 20.0),
            cell(2, Peer::Raw, 40.0), // ours is missing in this round
            cell(3, Peer::Ours, 30.0),
            cell(3, Peer::Raw, 40.0),
        ];
        let results = Results { cells };
        let calls: Figure = |figures| figures.calls_per_second;
        let ratio = results.ratio(Place::Same, "get64", Peer::Raw, calls).expect("two rounds have both");
        assert_eq!((ratio.least, ratio.median, ratio.most), (0.5, 0.625, 0.75));
        assert_eq!(results.ratio(Place::Split, "get64", Peer::Raw, calls), None);
        assert_eq!(results.ratio(Place::Same, "get64", Peer::Raw, |figures| figures.p50_micros), None);
        assert_eq!(results.peers(Place::Same, "get64"), [Peer::Ours, Peer::Raw]);
    }
}
