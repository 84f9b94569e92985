//! The page for people, in a browser.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use qemu_tests::limit::Limit;
use qemu_tests::{places, process};

use super::Outcome;
use super::client::metrics;
use crate::browser;

const LIMIT: Limit = Limit::of_silence(Duration::from_secs(60));

/// The browser shows a row for each greenlet, with a bar for its stack, and asks for the page again and again.
pub(super) fn page(server: SocketAddr) -> Outcome {
    let folder = places::built().map_err(|error| error.to_string())?.join(format!("browser-{}", server.port()));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let address = format!("http://{server}/");
    let shown = browser::elements(&address, &folder)?;
    let rows = shown.matches("<tr>").count();
    // One row for the heads of columns, and main's has no bar: it has no stack of a pool.
    let bars = shown.matches("<meter max=").count();
    let is_whole = shown.contains("<tbody>") && shown.contains("</table>") && bars >= 4 && rows == bars + 2;
    if !is_whole
        || ["network", "accept", "clock", "connection"].iter().any(|name| !shown.contains(&format!("<td>{name}")))
    {
        return Err(format!("the browser shows {rows} rows and {bars} bars:\n{shown}"));
    }
    let requests = || Ok::<_, String>(metrics(server)?.get("unikernel_requests_total").copied().unwrap_or_default());
    let (before, begin) = (requests()?, Instant::now());
    let mut after = before;
    // Three of the page by the browser, and each of these.
    let mut own = 0.0;
    let is_refreshed = || {
        own += 1.0;
        after = requests().unwrap_or(after);
        after - before - own >= 3.0 || begin.elapsed() > Duration::from_secs(40)
    };
    process::run_until(browser::opens(&address, &folder), LIMIT, is_refreshed, |_| Ok(()))
        .map_err(|error| error.to_string())?;
    if after - before - own < 3.0 {
        return Err(format!("the page was asked for {} times by an open browser", after - before - own));
    }
    Ok(())
}
