//! The least that sockets allow: a thread for each connection, blocking reads and writes, no codec. Only `echo`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use rpc_ours::Failure;
use rpc_ours::meter::{Length, Meter};
use rpc_ours::work::Work;

/// Room for a frame of the largest work.
const ROOM: usize = 4 + (1 << 20);

/// Returns a frame with so many bytes: a length, and the bytes.
fn frame(size: usize) -> Result<Vec<u8>, Failure> {
    Ok([&u32::try_from(size)?.to_le_bytes()[..], &vec![7; size]].concat())
}

/// Reads a frame into the room, and returns its length; `None` at the end of the connection.
fn read(mut stream: &TcpStream, room: &mut [u8]) -> Result<Option<usize>, Failure> {
    let mut filled = 0;
    loop {
        match stream.read(&mut room[filled..])? {
            0 => return Ok(None),
            count => filled += count,
        }
        if let Some((length, _)) = room[..filled].split_first_chunk::<4>() {
            let length = 4 + u32::from_le_bytes(*length) as usize;
            if filled >= length {
                return Ok(Some(length));
            }
        }
    }
}

pub(crate) fn serve(address: SocketAddr) -> Result<(), Failure> {
    let listener = TcpListener::bind(address)?;
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::Builder::new().name("connection".to_owned()).spawn(move || echo(&stream))?;
    }
}

fn echo(mut stream: &TcpStream) -> Result<(), Failure> {
    let mut room = vec![0; ROOM];
    while let Some(length) = read(stream, &mut room)? {
        stream.write_all(&room[..length])?;
    }
    Ok(())
}

fn call(mut stream: &TcpStream, request: &[u8], room: &mut [u8]) -> Result<(), Failure> {
    stream.write_all(request)?;
    match read(stream, room)? {
        Some(length) if length == request.len() => Ok(()),
        _ => Err("no reply, or a reply of another length".into()),
    }
}

/// Makes the calls of a work with one connection and one call in flight.
pub(crate) fn load(address: SocketAddr, work: Work, length: Length) -> Result<(), Failure> {
    let meter = Meter::new(1, true, length);
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (request, mut room) = (frame(work.op.payload().len())?, vec![0; ROOM]);
    let timer = meter.start()?;
    let mut lane = meter.lane(0);
    while lane.goes_on(0) {
        let began = lane.begins();
        call(&stream, &request, &mut room)?;
        lane.ends(began);
    }
    drop(lane);
    timer.join().map_err(|_| "the timer panicked")??;
    Ok(meter.finish()?)
}
