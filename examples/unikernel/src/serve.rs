//! Connections: a greenlet for each, and code that reads and writes as if there were no other.

use crate::net::{self, Connection, Net};
use crate::pages::{self, Page};
use crate::stream::{Error, Stream};
use crate::{Fault, Result, Stop, Task, tally};
use core::fmt::{self, Write as _};
use core::hint::black_box;
use core::time::Duration;
use embedded_io::{Read, Write as _};
use greenlet::{ContextPool, stack_pool};
use heapless::String;
use unikernel::http::{Body, Chunks, Method, Parser, Refusal, Request, Status};

/// Connections that are served at a time. Fewer than sockets, so that there is one to answer the next client with 503.
pub(crate) const CONNECTIONS: usize = 32;
/// The bytes of the stack of a connection: whole pages, so that a page without memory lies below each. Operations of
/// the hub make sure of more room in debug builds.
pub(crate) const STACK: usize = if cfg!(debug_assertions) { 8192 } else { 4096 };

/// The bytes that the deepest call must leave, beyond those that the hub checks for. A server for tests takes them away,
/// so that every response there shows that they are not needed.
const MARGIN: usize = if cfg!(feature = "faults") { 64 } else { 0 };

stack_pool! {
    pub(crate) static STACKS: GuardedStackPool<CONNECTIONS, STACK>;
}

/// What is left of a connection when its greenlet is gone, also when that was given up: the frames of such a one are
/// lost, and no destructor in them runs, but contexts are dropped as always.
static OPEN: ContextPool<Connection, CONNECTIONS> = ContextPool::new();

/// The most bytes of the head of a response.
const HEAD: usize = 160;

/// A client that does not complete its request in this time is answered with 408, or not at all if nothing arrived.
const REQUEST: Duration = Duration::from_secs(5);
/// A client that does not read a response in this time loses the connection.
pub(crate) const RESPONSE: Duration = Duration::from_secs(10);
// So the task of a connection ends it, and counts a time-out, before the network would reset it.
const _: () = assert!(REQUEST.as_secs() < net::SILENCE.secs() && RESPONSE.as_secs() < net::SILENCE.secs());

/// The task that accepts: begins a task for each connection.
pub(crate) fn accept(me: &Task, net: &'static Net) -> Result {
    loop {
        let handle = net.accept(me)?;
        tally::CONNECTIONS.add_one();
        let task = me.build(&STACKS).name("connection").spawn(move |me| {
            let open = OPEN.create(net.open(handle));
            me.greenlet().set_context(Some(open.expect("there are as many as stacks")));
            let taken = black_box([0u8; MARGIN]);
            let ended = converse(me, net.stream(me, handle));
            black_box(&taken);
            match ended {
                Err(Stop::Error(Fault::Reset)) => tally::RESETS.add_one(),
                other => return other,
            }
            Ok(())
        });
        if task.is_err() {
            tally::BUSY.add_one();
            let mut text = String::<HEAD>::new();
            write!(text, "{}", Status::Refused(Refusal::Busy).closing()).expect("it is shorter");
            net.refuse(handle, text.as_bytes());
        }
    }
}

/// Answers the requests of a connection until one side has enough.
fn converse(me: &Task, mut stream: Stream<'_>) -> Result {
    let mut parser = Parser::default();
    let mut received = Received::default();
    let mut request = None;
    loop {
        let in_time = me.with_timeout(REQUEST, || Ok(next(&mut stream, &mut parser, &mut received, &mut request)?))?;
        if in_time.is_none() {
            tally::TIMEOUTS.add_one();
            request = (!parser.is_fresh()).then_some(Err(Refusal::TooSlow));
        }
        let Some(request) = &request else { return Ok(()) };
        let page = request.as_ref().ok().and_then(|request| pages::find(&request.path));
        let in_time = match (request, page) {
            (Ok(request), Some(page)) => me.with_timeout(RESPONSE, || Ok(respond(me, &mut stream, request, page)?))?,
            _ => refuse(me, &mut stream, request)?,
        };
        match in_time {
            Some(true) => {}
            Some(false) => return Ok(()),
            None => {
                tally::TIMEOUTS.add_one();
                stream.abort();
                return Ok(());
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

/// Reads the next request, into a place of the caller's. `None` if the client sends no more.
///
/// Not inlined, and so it shares the stack with `respond`.
#[inline(never)]
fn next<S: Read>(
    stream: &mut S,
    parser: &mut Parser,
    received: &mut Received,
    request: &mut Option<Result<Request, Refusal>>,
) -> Result<(), S::Error> {
    loop {
        let (taken, next) = parser.add(&received.bytes[received.taken..]);
        received.taken += taken;
        *request = next;
        if request.is_some() {
            return Ok(());
        }
        received.taken = 0;
        received.bytes.resize_default(received.bytes.capacity()).expect("it has this capacity");
        let read = stream.read(&mut received.bytes);
        received.bytes.truncate(*read.as_ref().unwrap_or(&0));
        if read? == 0 {
            return Ok(());
        }
    }
}

/// Answers a request with a head alone. Returns `true` if the connection stays open, and `None` if the client reads too
/// slowly.
///
/// Where there is room for it, nothing waits, so no time is limited.
#[inline(never)]
fn refuse(me: &Task, stream: &mut Stream<'_>, request: &Result<Request, Refusal>) -> Result<Option<bool>> {
    let mut head = String::<HEAD>::new();
    let keeps_alive = match request {
        Ok(request) => {
            tally::responded(Status::NotFound);
            write!(head, "{}", Status::NotFound.head(Body::Empty, request.keeps_alive)).expect("it has room");
            request.keeps_alive
        }
        Err(refusal) => {
            let status = Status::Refused(*refusal);
            tally::responded(status);
            write!(head, "{}", status.closing()).expect("it has room");
            false
        }
    };
    let sent = stream.send(head.as_bytes())?;
    if sent == head.len() {
        return Ok(Some(keeps_alive));
    }
    me.with_timeout(RESPONSE, || Ok(stream.write_all(&head.as_bytes()[sent..])?))
        .map(|in_time| in_time.map(|()| keeps_alive))
}

/// Answers a request with a page. Returns `true` if the connection stays open.
#[inline(never)]
fn respond(me: &Task, stream: &mut Stream<'_>, request: &Request, page: &Page) -> Result<bool, Error> {
    tally::responded(Status::Ok);
    let keeps_alive = request.keeps_alive && request.is_1_1;
    let body = if request.is_1_1 { Body::Chunked(page.media) } else { Body::ToTheEnd(page.media) };
    write(stream, format_args!("{}", Status::Ok.head(body, keeps_alive)))?;
    if request.method == Method::Get {
        let mut chunks = Chunks::new(stream, body);
        let _seen_by_finish = (page.write)(me, &mut chunks);
        chunks.finish()?;
    }
    Ok(keeps_alive)
}

/// Writes a head to a stream, in one piece.
#[inline(never)]
fn write(stream: &mut Stream<'_>, text: fmt::Arguments<'_>) -> Result<(), Error> {
    let mut head = String::<HEAD>::new();
    head.write_fmt(text).expect("each head has room");
    stream.write_all(head.as_bytes())
}
