//! Both directions of a connection: its frames one after the other, opened by what the frames before them say.

use std::collections::HashMap;

use rpc_core::ids::MethodId;
use rpc_core::limits::MAX_SLOTS;
use rpc_core::wire::frame::Kind;
use rpc_core::wire::message::{Table, Welcome};

use crate::annotated::Annotated;
use crate::cutter::{Cutter, Piece};
use crate::header::{Head, Known, annotate_kept};
use crate::methods::Methods;

/// The direction of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// A connection as it is read along.
///
/// It keeps the beginning of one frame for each direction, the last call of each slot, and the methods that TABLE frames name.
#[derive(Debug)]
pub struct Dialogue {
    to_server: Cutter,
    to_client: Cutter,
    /// The features that both sides agreed on, once WELCOME has come.
    features: Option<u32>,
    /// The last call of each slot: its number and its method.
    calls: HashMap<u16, (u64, u64)>,
    methods: Methods,
}

impl Dialogue {
    /// A connection whose client calls these methods; of each frame at most `most_kept` bytes are kept, and at least its header.
    pub fn new(methods: Methods, most_kept: usize) -> Dialogue {
        Dialogue {
            to_server: Cutter::new(most_kept),
            to_client: Cutter::new(most_kept),
            features: None,
            calls: HashMap::new(),
            methods,
        }
    }

    /// Takes bytes of one direction, and gives each frame that is whole to `show`. Bytes that are no frames are shown once; what
    /// follows them in this direction is not read any more.
    pub fn push(&mut self, way: Way, mut bytes: &[u8], show: &mut dyn FnMut(Annotated)) {
        while !bytes.is_empty() {
            if let Some(piece) = self.cutter(way).push(&mut bytes) {
                let frame = self.open(way, piece);
                show(frame);
            }
        }
    }

    /// Ends one direction: a frame that is not whole is shown as it is.
    pub fn end(&mut self, way: Way, show: &mut dyn FnMut(Annotated)) {
        if let Some(piece) = self.cutter(way).end() {
            let frame = self.open(way, piece);
            show(frame);
        }
    }

    /// Returns true if the bytes of this direction are no frames.
    pub fn is_lost(&self, way: Way) -> bool {
        match way {
            Way::ToServer => self.to_server.lost,
            Way::ToClient => self.to_client.lost,
        }
    }

    fn cutter(&mut self, way: Way) -> &mut Cutter {
        match way {
            Way::ToServer => &mut self.to_server,
            Way::ToClient => &mut self.to_client,
        }
    }

    fn open(&mut self, way: Way, piece: Piece) -> Annotated {
        let Piece { bytes, body } = piece;
        let head = Head::of(&bytes);
        let slot = u16::try_from(head.slot).unwrap_or_default();
        let replied =
            self.calls.get(&slot).filter(|(seq, _)| *seq == head.seq).map(|(_, method)| MethodId(*method));
        let known = Known { features: self.features, methods: Some(&self.methods), replied };
        let frame = annotate_kept(&bytes, body, &known);
        if frame.wrong.is_empty() {
            self.learn(way, &head, &bytes);
        }
        frame
    }

    /// Remembers what later frames are opened by.
    fn learn(&mut self, way: Way, head: &Head, bytes: &[u8]) {
        let body = bytes.get(rpc_core::limits::HEADER..).unwrap_or_default();
        match (way, head.kind) {
            (Way::ToServer, Some(Kind::Call)) => {
                // A client uses no slot beyond these.
                if let Some(slot) = u16::try_from(head.slot).ok().filter(|slot| *slot < MAX_SLOTS) {
                    self.calls.insert(slot, (head.seq, head.method));
                }
            }
            (Way::ToClient, Some(Kind::Welcome)) => {
                self.features = Welcome::decode(body).ok().map(|welcome| welcome.features);
            }
            (Way::ToClient, Some(Kind::Table)) => {
                if let Ok(table) = Table::decode(body, self.features.unwrap_or_default()) {
                    self.methods.learn(&table);
                }
            }
            _ => {}
        }
    }
}
