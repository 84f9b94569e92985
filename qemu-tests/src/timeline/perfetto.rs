//! A run in Chrome's trace event format, which <https://ui.perfetto.dev>, `chrome://tracing` and Speedscope read.
//!
//! A track for each greenlet, with a slice for each time that it runs; flow arrows for transfers; instants for throws
//! and ends; counters for stacks. Of the tasks of a hub a second track, with a slice for each wait and for each time
//! between a wake and the run, and a flow from the waker to it. Times are in microseconds.

use serde_json::{Value, json};

use super::lanes::Run;
use super::tasks::Tasks;

/// The processes under which Perfetto shows tracks, and
const GREENLETS: u32 = 1;
/// counters.
const STACKS: u32 = 2;
/// The process of the waits of tasks, and of the counter of latencies.
const TASKS: u32 = 3;

/// Writes `run` as JSON.
#[must_use]
pub(super) fn draw(run: &Run) -> String {
    let micros = |time| run.micros(time);
    let mut events = vec![
        json!({"ph": "M", "name": "process_name", "pid": GREENLETS, "tid": 0, "args": {"name": "greenlets"}}),
        json!({"ph": "M", "name": "process_name", "pid": STACKS, "tid": 0, "args": {"name": "stacks, bytes in use"}}),
    ];
    let mut add = |event: Value| events.push(event);
    for (lane, track) in run.lanes.iter().zip(1u64..) {
        let on =
            |kind: &str, args: Value| json!({"ph": "M", "name": kind, "pid": GREENLETS, "tid": track, "args": args});
        add(on("thread_name", json!({"name": lane.label})));
        add(on("thread_sort_index", json!({"sort_index": track})));
        for stretch in &lane.stretches {
            let name = match stretch.by.map(|by| &run.arrows[by]) {
                Some(by) => format!("{} from {}", kind(by.is_throw), run.lanes[by.origin].label),
                None => "begins".to_owned(),
            };
            let (from, took) = (micros(stretch.from), (stretch.to - stretch.from) as f64 / 1000.0);
            add(json!({"ph": "X", "pid": GREENLETS, "tid": track, "ts": from, "dur": took, "name": name}));
        }
        for &(time, bytes) in &lane.levels {
            add(
                json!({"ph": "C", "pid": STACKS, "tid": 0, "ts": micros(time), "name": lane.label, "args": {"bytes": bytes}}),
            );
        }
    }
    for (number, arrow) in run.arrows.iter().enumerate() {
        let kind = kind(arrow.is_throw);
        let (origin, target) = (arrow.origin + 1, arrow.target + 1);
        // A nanosecond before the end of the slice that it leaves: at the end it would belong to none.
        let leaves = micros(arrow.time.saturating_sub(1).max(run.shown.0));
        let (arrives, flow) = (micros(arrow.time), "transfer");
        add(json!({"ph": "s", "pid": GREENLETS, "tid": origin, "ts": leaves, "cat": flow, "name": kind, "id": number}));
        add(
            json!({"ph": "f", "bp": "e", "pid": GREENLETS, "tid": target, "ts": arrives, "cat": flow, "name": kind, "id": number}),
        );
        if arrow.is_throw {
            add(json!({"ph": "i", "s": "t", "pid": GREENLETS, "tid": target, "ts": arrives, "name": "throw"}));
        }
        if arrow.ends {
            add(json!({"ph": "i", "s": "t", "pid": GREENLETS, "tid": origin, "ts": leaves, "name": "ends"}));
        }
    }
    tasks(run, &mut events);
    let latencies: Vec<_> = run.tasks.latencies().histogram();
    let other = json!({"lost": run.lost, "latencies below ns": latencies});
    json!({"traceEvents": events, "displayTimeUnit": "ns", "otherData": other}).to_string()
}

/// The waits and wakes of tasks, in the time that is shown.
fn tasks(run: &Run, events: &mut Vec<Value>) {
    let Tasks { pauses, wakes, .. } = &run.tasks;
    if run.tasks.is_empty() {
        return;
    }
    events.push(
        json!({"ph": "M", "name": "process_name", "pid": TASKS, "tid": 0, "args": {"name": "tasks: waits and wakes"}}),
    );
    for (lane, track) in run.lanes.iter().zip(1u64..) {
        events
            .push(json!({"ph": "M", "name": "thread_name", "pid": TASKS, "tid": track, "args": {"name": lane.label}}));
    }
    for pause in pauses {
        let (Some(lane), Some((from, to))) = (run.place(pause.task), run.clip(pause.from, pause.to)) else { continue };
        let (name, took) = (pause.what.as_deref().unwrap_or("ready"), (to - from) as f64 / 1000.0);
        events
            .push(json!({"ph": "X", "pid": TASKS, "tid": lane + 1, "ts": run.micros(from), "dur": took, "name": name}));
    }
    for (number, wake) in wakes.iter().enumerate() {
        let (Some(lane), Some((at, _))) = (run.place(wake.task), run.clip(wake.time, wake.time)) else { continue };
        let at = run.micros(at);
        let by = wake.by.as_ref().map_or_else(String::clone, |task| run.task(*task));
        events.push(
            json!({"ph": "i", "s": "t", "pid": TASKS, "tid": lane + 1, "ts": at, "name": format!("woken by {by}")}),
        );
        if let Some(waker) = wake.by.as_ref().ok().and_then(|task| run.place(*task)) {
            let id = format!("wake {number}");
            events.push(json!({"ph": "s", "pid": GREENLETS, "tid": waker + 1, "ts": at, "cat": "wake", "name": "wakes", "id": id}));
            events.push(
                json!({"ph": "f", "bp": "e", "pid": TASKS, "tid": lane + 1, "ts": at, "cat": "wake", "name": "wakes", "id": id}),
            );
        }
        if let Some(latency) = wake.latency() {
            events.push(json!({"ph": "C", "pid": TASKS, "tid": 0, "ts": at, "name": "from wake to run, ns", "args": {"ns": latency}}));
        }
    }
}

fn kind(is_throw: bool) -> &'static str {
    if is_throw { "throw" } else { "switch" }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::tests::{SHORT, trace};
    use super::*;

    #[test]
    fn each_transfer_is_an_arrow_between_slices() {
        let json: Value = serde_json::from_str(&draw(&Run::of(&trace(&SHORT, 6), 9))).unwrap();
        let events = json["traceEvents"].as_array().unwrap();
        let of = |kind: &str| events.iter().filter(|event| event["ph"] == kind).collect::<Vec<_>>();
        assert_eq!([of("X").len(), of("s").len(), of("f").len(), of("i").len(), of("C").len()], [5, 4, 4, 3, 2]);
        assert_eq!(json["otherData"]["lost"], 2);
        for flow in of("s").into_iter().chain(of("f")) {
            let at = flow["ts"].as_f64().unwrap();
            let binds = |slice: &&Value| {
                let (from, took) = (slice["ts"].as_f64().unwrap(), slice["dur"].as_f64().unwrap());
                slice["tid"] == flow["tid"] && from <= at && at < from + took
            };
            assert_eq!(of("X").into_iter().filter(binds).count(), 1, "{flow}");
        }
        assert_eq!(of("X")[3]["name"], "switch from main");
    }
}
