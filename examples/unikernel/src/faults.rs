//! Pages for tests, of a server that is built with the feature `faults`: they go wrong.
//!
//! The client has the head of a response by then, and gets the end of the connection.

use crate::pages::Page;
use crate::{END, Task};
use core::fmt::{self, Write};
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Empty without the feature.
pub(crate) const PAGES: &[Page] = if cfg!(feature = "faults") { &FAULTS } else { &[] };

const FAULTS: [Page; 3] = [
    Page { path: "/panic", media: "text/plain", write: panics },
    Page { path: "/overflow", media: "text/plain", write: overflows },
    Page { path: "/end", media: "text/plain", write: ends },
];

fn panics(_: &Task, out: &mut dyn Write) -> fmt::Result {
    out.write_str("before the panic")?;
    panic!("a page panics")
}

/// Ends the server when this response is written, at the next wait of the task.
fn ends(me: &Task, out: &mut dyn Write) -> fmt::Result {
    END.set(me);
    out.write_str("it ends")
}

/// Overflows the stack, each time in another way.
fn overflows(me: &Task, out: &mut dyn Write) -> fmt::Result {
    /// How many were asked for.
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let asked = ASKED.fetch_add(1, Relaxed);
    let limit = me.greenlet().stack().map_or(0, |stack| stack.limit);
    let left = limit + asked / 4 * 40 % 3072;
    out.write_str("before the overflow")?;
    match asked % 4 {
        0 => dig(0, &mut || ()),
        1 => _ = black_box(huge(black_box(1))),
        // In what a page calls: the network, the hub, the kernel. With each number of bytes left, down to none.
        2 => dig(left, &mut || {
            (0..10).for_each(|_| _ = out.write_str("a line that does not fit into what is collected"))
        }),
        // In the panic handler, or in formatting.
        _ => dig(left, &mut || panic!("a page panics with {} bytes left", left - limit)),
    }
    Ok(())
}

/// Calls itself until the stack is used up, and `last` on the way, where the stack pointer comes below `at`.
#[inline(never)]
fn dig(at: usize, last: &mut dyn FnMut()) {
    let frame = black_box([0u8; 16]);
    let is_below = frame.as_ptr().addr() < at;
    if is_below {
        last();
    }
    if black_box(true) {
        dig(if is_below { 0 } else { at }, last);
    }
    black_box(&frame);
}

/// Has a frame far larger than the stack and its guard page.
#[inline(never)]
fn huge(x: u8) -> u8 {
    black_box([x; 65_536])[7]
}
