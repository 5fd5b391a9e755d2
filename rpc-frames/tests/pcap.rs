//! Writes a capture of TCP connections: the bytes of each direction in segments that are cut anywhere, with no regard to frames.

use std::io::{self, Write};

use rpc_frames::Way;

/// The link type of packets that begin with an IP header.
const RAW_IP: u32 = 101;
/// The address of both ends.
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

/// A connection: the port of its server, and its bytes in the order in which they passed.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) port: u16,
    pub(crate) bytes: Vec<(Way, Vec<u8>)>,
}

/// Returns bytes as segments of `sizes`; neighbours of one direction are joined before.
fn segments(connection: &Connection, mut size: impl FnMut() -> usize) -> Vec<(Way, Vec<u8>)> {
    let mut joined: Vec<(Way, Vec<u8>)> = Vec::new();
    for (way, bytes) in &connection.bytes {
        match joined.last_mut() {
            Some((last, all)) if last == way => all.extend_from_slice(bytes),
            _ => joined.push((*way, bytes.clone())),
        }
    }
    let mut cut = Vec::new();
    for (way, bytes) in joined {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(size().clamp(1, rest.len()));
            cut.push((way, now.to_vec()));
            rest = later;
        }
    }
    cut
}

/// Writes a capture. The segments of a connection have the sizes that `size` gives for its port.
pub(crate) fn write(
    out: &mut impl Write,
    connections: &[Connection],
    mut size: impl FnMut(u16) -> usize,
) -> io::Result<usize> {
    let mut count: u32 = 0;
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, RAW_IP] {
        out.write_all(&number.to_le_bytes())?;
    }
    for (client_port, connection) in (50_000_u16..).zip(connections) {
        let (mut to_server, mut to_client) = (1_u32, 1_u32);
        for (way, bytes) in segments(connection, || size(connection.port)) {
            let packet = match way {
                Way::ToServer => packet([client_port, connection.port], [to_server, to_client], &bytes),
                Way::ToClient => packet([connection.port, client_port], [to_client, to_server], &bytes),
            };
            let sent = if way == Way::ToServer { &mut to_server } else { &mut to_client };
            *sent += bytes.len() as u32;
            let length = packet.len() as u32;
            for number in [count / 1_000_000, count % 1_000_000, length, length] {
                out.write_all(&number.to_le_bytes())?;
            }
            out.write_all(&packet)?;
            count += 1;
        }
    }
    Ok(count as usize)
}

/// Returns an IPv4 packet with one TCP segment. Its checksums are 0, which readers of captures do not mind.
fn packet([from, to]: [u16; 2], [seq, ack]: [u32; 2], bytes: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend([from.to_be_bytes(), to.to_be_bytes()].concat());
    tcp.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
    tcp.extend([5 << 4, 0x18, 0xff, 0xff, 0, 0, 0, 0]); // five words of header, PSH and ACK, window
    tcp.extend(bytes);
    let length = (20 + tcp.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0]); // time to live, TCP
    packet.extend([LOOPBACK, LOOPBACK].concat());
    packet.extend(tcp);
    packet
}
