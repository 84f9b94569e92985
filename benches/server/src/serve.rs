//! A task for each socket, which accepts connections one after the other.

use crate::{pages, tally};
use core::fmt::Write as _;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use embassy_net::Stack;
use embassy_net::tcp::{State, TcpSocket};
use embassy_time::{Duration, with_timeout};
use heapless::String;
use unikernel::http::{Body, Method, Parser, Refusal, Request, Status};

// All of these are as with greenlets.
/// Connections that are served at a time. The others are answered with 503.
pub(crate) const CONNECTIONS: usize = 32;
/// Connections at a time, with those that are being opened, refused and closed.
pub(crate) const SOCKETS: usize = 48;
const BUFFER: usize = 1536;
const PORT: u16 = 80;
const REQUEST: Duration = Duration::from_secs(5);
const RESPONSE: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(12);
const HANDSHAKE: Duration = Duration::from_secs(4);
const FAREWELL: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(2);

/// The buffers of a socket.
#[derive(Clone, Copy)]
pub(crate) struct Buffers {
    receive: [u8; BUFFER],
    send: [u8; BUFFER],
}

impl Buffers {
    pub(crate) const EMPTY: Self = Self { receive: [0; BUFFER], send: [0; BUFFER] };
}

/// The sockets that listen.
static LISTENING: AtomicUsize = AtomicUsize::new(0);

/// How many sockets are there for further connections.
pub(crate) fn listening() -> usize {
    LISTENING.load(Relaxed)
}

/// Connections that are being served.
static SERVED: AtomicUsize = AtomicUsize::new(0);

/// How many more would be served.
pub(crate) fn free() -> usize {
    CONNECTIONS - SERVED.load(Relaxed)
}

/// The task of a socket.
#[embassy_executor::task(pool_size = SOCKETS)]
pub(crate) async fn connection(stack: Stack<'static>, buffers: &'static mut Buffers) {
    connections(stack, buffers).await;
}

async fn connections(stack: Stack<'static>, buffers: &'static mut Buffers) {
    let mut socket = TcpSocket::new(stack, &mut buffers.receive, &mut buffers.send);
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(SILENCE / 2));
    loop {
        socket.set_timeout(Some(HANDSHAKE));
        LISTENING.fetch_add(1, Relaxed);
        let accepted = socket.accept(PORT).await;
        LISTENING.fetch_sub(1, Relaxed);
        if accepted.is_ok() {
            socket.set_timeout(Some(SILENCE));
            tally::CONNECTIONS.add_one();
            if SERVED.load(Relaxed) < CONNECTIONS {
                SERVED.fetch_add(1, Relaxed);
                converse(&mut socket).await;
                SERVED.fetch_sub(1, Relaxed);
            } else {
                tally::BUSY.add_one();
                let _sent = refuse(&mut socket, Refusal::Busy).await;
            }
        }
        close(&mut socket).await;
    }
}

/// The bytes of the future of a connection.
pub(crate) fn bytes() -> usize {
    fn of<A, B, F: Future>(_: fn(A, B) -> F) -> usize {
        size_of::<F>()
    }
    of(connections)
}

/// Closes the connection, and returns when its socket can listen again.
async fn close(socket: &mut TcpSocket<'_>) {
    socket.close();
    let _in_time = with_timeout(FAREWELL, async {
        let _sent = socket.flush().await;
        let _in_time = with_timeout(LINGER, async {
            // The rest of a request that was refused, and the end.
            while socket.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
        });
        _in_time.await
    })
    .await;
    if !matches!(socket.state(), State::Closed | State::TimeWait) {
        socket.abort();
        let _in_time = with_timeout(LINGER, socket.flush()).await;
    }
}

/// The other side has reset the connection.
pub(crate) struct Reset;

/// Answers the requests of a connection until one side has enough.
async fn converse(socket: &mut TcpSocket<'_>) {
    let mut parser = Parser::default();
    let mut received = Received::default();
    loop {
        let request = match with_timeout(REQUEST, next(socket, &mut parser, &mut received)).await {
            Ok(Ok(Some(request))) => request,
            Ok(Ok(None)) => return,
            Ok(Err(Reset)) => return tally::RESETS.add_one(),
            Err(_) => {
                tally::TIMEOUTS.add_one();
                if parser.is_fresh() {
                    return;
                }
                Err(Refusal::TooSlow)
            }
        };
        match with_timeout(RESPONSE, respond(socket, &request)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return,
            Ok(Err(Reset)) => return tally::RESETS.add_one(),
            Err(_) => {
                tally::TIMEOUTS.add_one();
                socket.abort();
                return;
            }
        }
    }
}

/// Bytes that were received, and those of them that belong to the next request.
#[derive(Default)]
struct Received {
    bytes: heapless::Vec<u8, 64>,
    taken: usize,
}

/// Reads the next request. `None` if the client sends no more.
async fn next(
    socket: &mut TcpSocket<'_>,
    parser: &mut Parser,
    received: &mut Received,
) -> Result<Option<Result<Request, Refusal>>, Reset> {
    loop {
        let (taken, request) = parser.add(&received.bytes[received.taken..]);
        received.taken += taken;
        if request.is_some() {
            return Ok(request);
        }
        received.taken = 0;
        received.bytes.resize_default(received.bytes.capacity()).expect("it has this capacity");
        let read = socket.read(&mut received.bytes).await;
        received.bytes.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(_) => return Err(Reset),
        }
    }
}

/// Answers a request. Returns `true` if the connection stays open.
async fn respond(socket: &mut TcpSocket<'_>, request: &Result<Request, Refusal>) -> Result<bool, Reset> {
    let request = match request {
        Ok(request) => request,
        Err(refusal) => {
            tally::responded(Status::Refused(*refusal));
            refuse(socket, *refusal).await?;
            return Ok(false);
        }
    };
    let Some(page) = pages::find(&request.path) else {
        tally::responded(Status::NotFound);
        head(socket, Status::NotFound, Body::Empty, request.keeps_alive).await?;
        return Ok(request.keeps_alive);
    };
    tally::responded(Status::Ok);
    let keeps_alive = request.keeps_alive && request.is_1_1;
    let body = if request.is_1_1 { Body::Chunked(page.media) } else { Body::ToTheEnd(page.media) };
    head(socket, Status::Ok, body, keeps_alive).await?;
    if request.method == Method::Get {
        let mut line = String::<256>::new();
        for number in 0.. {
            line.clear();
            if !(page.line)(number, &mut line) {
                break;
            }
            let mut length = String::<8>::new();
            if request.is_1_1 {
                write!(length, "{:x}\r\n", line.len()).expect("it has room");
            }
            write(socket, length.as_bytes()).await?;
            write(socket, line.as_bytes()).await?;
            write(socket, if request.is_1_1 { b"\r\n" } else { b"" }).await?;
        }
        write(socket, if request.is_1_1 { b"0\r\n\r\n" } else { b"" }).await?;
    }
    Ok(keeps_alive)
}

async fn refuse(socket: &mut TcpSocket<'_>, refusal: Refusal) -> Result<(), Reset> {
    head(socket, Status::Refused(refusal), Body::Empty, false).await
}

async fn head(socket: &mut TcpSocket<'_>, status: Status, body: Body, keeps_alive: bool) -> Result<(), Reset> {
    let mut text = String::<192>::new();
    write!(text, "{}", status.head(body, keeps_alive)).expect("each head has room");
    write(socket, text.as_bytes()).await
}

async fn write(socket: &mut TcpSocket<'_>, mut bytes: &[u8]) -> Result<(), Reset> {
    while !bytes.is_empty() {
        let sent = socket.write(bytes).await.map_err(|_| Reset)?;
        bytes = &bytes[sent..];
    }
    Ok(())
}
