//! What happens on the cable: it is cut, and another computer sends what no client of this one's TCP would.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use qemu_tests::serve::{self, Cable};

use super::Outcome;
use super::client::{Client, get, metric, metrics};
use super::load::{AT_ONCE, keep, until_free};

/// Longer than the server keeps a connection whose other side is gone: five seconds for a request, and ten for the end.
const GONE: Duration = Duration::from_secs(18);

/// Returns the ends of a cable for QEMU, and the socket of the other computer on it.
pub(super) fn lay() -> Outcome<(Cable, UdpSocket)> {
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string());
    let address = |socket: &UdpSocket| socket.local_addr().map_err(|error| error.to_string());
    let (peer, card) = (bind()?, bind()?); // the second one's port is free when this returns
    let monitor = serve::address(None).map_err(|error| error.to_string())?;
    Ok((Cable { monitor, peer: address(&peer)?, card: address(&card)? }, peer))
}

/// The ends of the cable: at the card, and at QEMU's user network.
const CARDS_END: &str = "net";
const USERS_END: &str = "user";

/// Has QEMU cut the cable at one end, or mend it.
fn set_link(cable: &Cable, end: &str, is_up: bool) -> Outcome {
    command(cable, &format!(r#"{{"execute": "set_link", "arguments": {{"name": "{end}", "up": {is_up}}}}}"#))
}

/// Has QEMU carry out a command.
fn command(cable: &Cable, text: &str) -> Outcome {
    let said = |error: std::io::Error| format!("the monitor: {error}");
    let mut monitor = BufReader::new(TcpStream::connect_timeout(&cable.monitor, AT_ONCE).map_err(said)?);
    monitor.get_mut().set_read_timeout(Some(AT_ONCE)).map_err(said)?;
    let mut line = String::new();
    monitor.read_line(&mut line).map_err(said)?; // its greeting
    for command in [r#"{"execute": "qmp_capabilities"}"#, text] {
        writeln!(monitor.get_mut(), "{command}").map_err(said)?;
        loop {
            line.clear();
            monitor.read_line(&mut line).map_err(said)?;
            if !line.contains(r#""event":"#) {
                break;
            }
        }
        if !line.starts_with(r#"{"return":"#) {
            return Err(format!("the monitor, for {command}: {line}"));
        }
    }
    Ok(())
}

/// Half a second without a cable in a response: TCP sends again what was lost, and the client gets everything.
pub(super) fn cut_for_a_moment(server: SocketAddr, cable: &Cable) -> Outcome {
    const REQUESTS: usize = 40;
    let mut client = Client::connect(server)?;
    client.send(&b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(REQUESTS))?;
    client.response()?;
    set_link(cable, CARDS_END, false)?;
    thread::sleep(Duration::from_millis(500));
    set_link(cable, CARDS_END, true)?;
    for number in 1..REQUESTS {
        client.response().map_err(|error| format!("response {number}, with a cut in between: {error}"))?;
    }
    drop(client);
    until_free(server)
}

/// Clients that connect while the machine stands still are there at once when it goes on, and the oldest are served:
/// when there are stacks for three of them, the others get 503.
pub(super) fn oldest_first(server: SocketAddr, cable: &Cable) -> Outcome {
    const NEW: usize = 6;
    const SERVED: usize = 3;
    until_free(server)?;
    let stacks = metric(server, "unikernel_stacks")? as usize;
    let mut others = Vec::new();
    for _ in SERVED..stacks {
        others.push((Client::connect(server)?, None));
        keep(&mut others)?;
    }
    others.iter_mut().for_each(|(_, last)| *last = None);
    keep(&mut others)?;
    command(cable, r#"{"execute": "stop"}"#)?;
    let mut new = (0..NEW).map(|_| Client::connect(server)).collect::<Outcome<Vec<_>>>()?;
    thread::sleep(Duration::from_millis(200)); // QEMU accepts them meanwhile; if it is late, it has taken them in turn
    command(cable, r#"{"execute": "cont"}"#)?;
    let mut answers = Vec::new();
    for client in &mut new {
        client.send(b"GET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n").ok();
        answers.push(client.response().map(|response| response.status));
    }
    let is_as_expected = |(number, answer): (usize, &Outcome<u16>)| match number < SERVED {
        true => *answer == Ok(404),
        // It may be reset, because it has sent a request.
        false => *answer == Ok(503) || answer.as_ref().is_err_and(|error| error.contains("reset")),
    };
    if answers.iter().enumerate().all(is_as_expected) {
        Ok(())
    } else {
        Err(format!("with stacks for the oldest {SERVED} of {NEW} clients: {answers:?}"))
    }
}

/// The cable is cut while clients are idle, and mended when the server has given them up: each is a time-out, none a
/// reset; all stacks and sockets are free at once, and a client of before has no connection any more.
pub(super) fn cut(server: SocketAddr, cable: &Cable) -> Outcome {
    const IDLE: usize = 20;
    until_free(server)?;
    let before = metrics(server)?;
    let served = |_| Client::connect(server).and_then(|mut client| client.get("/nosuch").map(|_| client));
    let mut idle = (0..IDLE).map(served).collect::<Outcome<Vec<_>>>()?;
    set_link(cable, CARDS_END, false)?;
    thread::sleep(GONE);
    set_link(cable, CARDS_END, true)?;
    let now = metrics(server)?;
    let changed = |name: &str| Some(now.get(name)? - before.get(name)?);
    let [timeouts, resets] = ["unikernel_timeouts_total", "unikernel_resets_total"].map(changed);
    if (timeouts, resets) != (Some(IDLE as f64), Some(0.0)) {
        return Err(format!("{IDLE} connections were cut: {timeouts:?} time-outs, {resets:?} resets"));
    }
    let free = ["unikernel_stacks_free", "unikernel_sockets_free"].map(|name| now.get(name).copied());
    if free != [Some(31.0), Some(47.0)] {
        return Err(format!("after the cut {free:?} stacks and sockets are free"));
    }
    for (number, client) in idle.iter_mut().enumerate() {
        if let Ok(response) = client.get("/nosuch") {
            return Err(format!("connection {number} has outlived the cut: {response:?}"));
        }
    }
    Ok(())
}

/// Another computer begins thousands of connections and completes none. A client that is there is served meanwhile, and
/// when the flood is over, each socket is free again within the time that the server gives a handshake. None has taken
/// a stack.
pub(super) fn flood(server: SocketAddr, cable: &Cable, peer: &UdpSocket) -> Outcome {
    const SYNS: u16 = 5_000;
    until_free(server)?;
    let before = metric(server, "unikernel_connections_total")?;
    let mut client = Client::connect(server)?;
    let mut least = f64::INFINITY;
    for number in 0..SYNS {
        let frame = segment(1024 + number, SYN, 0);
        peer.send_to(&frame, cable.card).map_err(|error| format!("SYN {number}: {error}"))?;
        if number % 100 == 99 {
            let text = client.get("/metrics").map_err(|error| format!("a client, after SYN {number}: {error}"))?.body;
            let free = text.lines().find_map(|line| line.strip_prefix("unikernel_sockets_free ")?.parse::<f64>().ok());
            least = least.min(free.ok_or("/metrics lacks the free sockets")?);
        }
    }
    drop(client);
    if least != 0.0 {
        return Err(format!("{SYNS} SYNs have left {least} sockets free"));
    }
    let (began, mut served) = (Instant::now(), 1.0);
    loop {
        // Without a free socket it is reset.
        let response = get(server, "/metrics");
        served += f64::from(u8::from(response.is_ok()));
        if response.as_ref().is_ok_and(|response| response.body.contains("\nunikernel_sockets_free 47\n")) {
            break;
        }
        if began.elapsed() > AT_ONCE {
            return Err(format!("sockets do not return after {SYNS} SYNs: {response:?}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
    match metric(server, "unikernel_connections_total")? - before - 1.0 {
        accepted if accepted == served => Ok(()),
        accepted => Err(format!("{served} connections were served, {accepted} accepted")),
    }
}

/// Another computer begins connections, and vanishes when they are accepted: it does not even say any more at which
/// address of the Ethernet it is. Each socket is free again all the same.
pub(super) fn vanished(server: SocketAddr, cable: &Cable, peer: &UdpSocket) -> Outcome {
    const CONNECTIONS: u16 = 20;
    /// The server keeps the Ethernet addresses of eight computers.
    const OTHERS: u8 = 16;
    until_free(server)?;
    let failed = |error: std::io::Error| format!("the other computer: {error}");
    peer.set_read_timeout(Some(AT_ONCE)).map_err(failed)?;
    let send = |frame: &[u8]| peer.send_to(frame, cable.card).map(drop).map_err(failed);
    let before = metric(server, "unikernel_connections_total")?;
    // QEMU's user network sees frames of others, and would reset what it does not know.
    set_link(cable, USERS_END, false)?;
    for port in 1024..1024 + CONNECTIONS {
        send(&segment(port, SYN, 0))?;
        loop {
            let mut frame = [0; 1600];
            peer.recv(&mut frame).map_err(failed)?;
            let number = frame[38..42].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            if frame[12..14] == ARP && frame[38..42] == [10, 0, 2, OTHER] {
                send(&arp(OTHER, 2))?; // it has asked for the Ethernet address
            } else if frame[6..12] == CARD && frame[36..38] == port.to_be_bytes() && frame[47] == SYN | ACK {
                send(&segment(port, ACK, number.wrapping_add(1)))?;
                break;
            }
        }
    }
    // The server forgets where it is.
    (1..=OTHERS).try_for_each(|other| send(&arp(OTHER + other, 1)))?;
    set_link(cable, USERS_END, true)?;
    match metric(server, "unikernel_connections_total")? - before - 1.0 {
        accepted if accepted == f64::from(CONNECTIONS) => {}
        accepted => return Err(format!("{CONNECTIONS} connections of another computer are {accepted}")),
    }
    let began = Instant::now();
    while metric(server, "unikernel_sockets_free")? != 47.0 {
        if began.elapsed() > GONE + AT_ONCE {
            return Err("the sockets of a computer that has vanished do not return".to_owned());
        }
        thread::sleep(Duration::from_millis(500));
    }
    until_free(server)
}

const CARD: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const SERVER: [u8; 4] = [10, 0, 2, 15];
/// The last number of the address of the other computer on the cable.
const OTHER: u8 = 99;
const ARP: [u8; 2] = [8, 6];
const SYN: u8 = 2;
const ACK: u8 = 16;

fn ethernet_address(computer: u8) -> [u8; 6] {
    [0x52, 0x54, 0, 0, 0, computer]
}

/// A frame to the server's card with a question for its Ethernet address (1), or an answer (2).
fn arp(from: u8, operation: u8) -> Vec<u8> {
    let kind = [0, 1, 8, 0, 6, 4, 0, operation];
    let from = [&ethernet_address(from)[..], &[10, 0, 2, from]].concat();
    [&CARD[..], &from[..6], &ARP, &kind, &from, &CARD, &SERVER].concat()
}

/// A frame to the server's card with the beginning of a connection from this port of the other computer, or its second
/// segment, which acknowledges what the server has sent before `next`.
fn segment(port: u16, flags: u8, next: u32) -> Vec<u8> {
    let number = if flags == SYN { 1 } else { 2u32 };
    let from = [10, 0, 2, OTHER];
    let numbers = [number.to_be_bytes(), next.to_be_bytes()].concat();
    let mut tcp = [&port.to_be_bytes()[..], &[0, 80], &numbers, &[5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]].concat();
    let sum = checksum(&[&from[..], &SERVER, &[0, 6, 0, 20], &tcp].concat());
    tcp[16..18].copy_from_slice(&sum);
    let mut ip = [&[0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0][..], &from, &SERVER].concat();
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum);
    [&CARD[..], &ethernet_address(OTHER), &[8, 0], &ip, &tcp].concat()
}

/// The Internet's checksum of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

/// Clients that connect and leave at once, with a request unanswered, one after the other: many more than there are
/// sockets.
pub(super) fn resets(server: SocketAddr) -> Outcome {
    for number in 0..500 {
        let mut client = Client::connect(server).map_err(|error| format!("connection {number}: {error}"))?;
        // What it does not read makes its end a reset.
        let _reset_already = client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    until_free(server)
}
