//! The answers to a debugger: greenlets as threads, and which of them stopped.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Result;

use super::debugger::{Come, Debugger, Left};
use super::packet::{WRONG, action, has_ended, hex, is_output, is_resumption, number, without};
use crate::greenlets::{Greenlet, Greenlets, Program, State, Tasks};
use crate::stub::Stub;

/// The thread of a core whose greenlet is not known, while others are, is this plus the core's number. GDB writes
/// numbers of threads with 31 bits.
const PROCESSOR: u64 = 0x7fff_0000;
/// What would number threads in another way than here, or acknowledge in another way.
const OTHER_WAYS: [&str; 3] = ["multiprocess+", "QStartNoAckMode+", "qXfer:threads:read+"];
/// The ways to resume. Without them LLDB does not step.
const WAYS: &[u8] = b"vCont;c;C;s;S";
/// Packets that are about threads, and that debuggers do without.
const UNSUPPORTED: [&str; 6] = ["QStartNoAckMode", "QThread", "QListThreads", "jThread", "qXfer:threads", "QNonStop"];

/// A debugger, a stub, and what is known of the machine while it stands.
pub(super) struct Session<'a> {
    pub(super) debugger: Debugger,
    pub(super) stub: Stub,
    pub(super) program: &'a Program,
    /// The thread whose registers are asked for; `None` for the one that runs.
    pub(super) general: Option<u64>,
    /// The thread that is to step.
    pub(super) stepping: Option<u64>,
    /// The core that stopped.
    pub(super) core: usize,
    /// Which greenlet runs on it, where that is known.
    pub(super) here: Option<Greenlet>,
    /// All of them, where they were read since the machine stopped.
    seen: Option<Greenlets>,
    /// The tasks of a core's hub, where they were read.
    tasks: Option<(usize, Tasks)>,
    /// Where the debugger has breakpoints.
    pub(super) breakpoints: BTreeSet<u64>,
}

impl<'a> Session<'a> {
    pub(super) fn new(debugger: Debugger, stub: Stub, program: &'a Program) -> Self {
        Self {
            debugger,
            stub,
            program,
            general: None,
            stepping: None,
            core: 0,
            here: None,
            seen: None,
            tasks: None,
            breakpoints: BTreeSet::new(),
        }
    }

    /// Answers until the debugger leaves, or the machine ends.
    pub(super) fn serve(mut self) -> Result<()> {
        self.answers().or_else(|problem| if problem.is::<Left>() { Ok(()) } else { Err(problem) })
    }

    fn answers(&mut self) -> Result<()> {
        while let Some(come) = self.debugger.next() {
            // One that comes while the machine stands is late.
            let Come::Packet(packet) = come else { continue };
            self.debugger.acknowledge()?;
            let Some(answer) = self.answer(&packet)? else { return Ok(()) };
            self.debugger.send(&answer)?;
            if matches!(packet.first(), Some(b'D')) || has_ended(&answer) && is_resumption(&packet) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The answer to a packet; `None` if there is none, and nothing more to do.
    fn answer(&mut self, packet: &[u8]) -> Result<Option<Vec<u8>>> {
        let text = String::from_utf8_lossy(packet);
        if UNSUPPORTED.iter().any(|name| text.starts_with(name)) {
            return Ok(Some(Vec::new()));
        }
        let answer = match text.as_bytes() {
            [b'q', ..] => self.query(&text, packet)?,
            [b'H', what, ..] => self.choose(*what, text.get(2..).unwrap_or("")),
            [b'T', ..] => match number(text.get(1..).unwrap_or("")) {
                Some(thread) if self.threads()?.contains(&thread) => b"OK".to_vec(),
                _ => WRONG.to_vec(),
            },
            [b'g'] | [b'p', ..] => self.registers(&text)?,
            [b'G' | b'P', ..] => self.set_registers(packet)?,
            [b'?'] => {
                let answer = self.stub.exchange(packet)?;
                self.stopped(&answer)?
            }
            b"vCont?" => WAYS.to_vec(),
            [b'v', b'C', b'o', b'n', b't', b';', actions @ ..] => {
                let Some((packet, thread)) = action(&String::from_utf8_lossy(actions)) else {
                    return Ok(Some(WRONG.to_vec()));
                };
                self.stepping = thread;
                self.resume(packet)?
            }
            // QEMU does not answer one without actions.
            [b'v', b'C', b'o', b'n', b't', ..] => WRONG.to_vec(),
            [b'c' | b's' | b'C' | b'S', ..] => self.resume(packet)?,
            // The machine goes on then, and may end before the stub has heard that its answer came.
            [b'D', ..] => self.stub.exchange(packet).unwrap_or_else(|_| b"OK".to_vec()),
            [b'k', ..] => {
                let _may_be_gone = self.stub.send(packet);
                return Ok(None);
            }
            _ => self.pass_on(&text, packet)?,
        };
        Ok(Some(answer))
    }

    /// Passes a packet on that needs no greenlets.
    fn pass_on(&mut self, text: &str, packet: &[u8]) -> Result<Vec<u8>> {
        let answer = self.stub.exchange(packet)?;
        match packet.first() {
            Some(b'Z' | b'z') if answer == b"OK" => {
                let address = text.split(',').nth(1).and_then(number);
                let is_breakpoint = matches!(packet.get(1), Some(b'0' | b'1'));
                if let (Some(address), true) = (address, is_breakpoint) {
                    if packet[0] == b'Z' {
                        self.breakpoints.insert(address)
                    } else {
                        self.breakpoints.remove(&address)
                    };
                }
            }
            // The greenlet that runs is the same after that, so the debugger keeps its thread, whatever is overwritten.
            Some(b'M' | b'X') => (self.seen, self.tasks) = (None, None),
            Some(b'R' | b'Q') => self.forget(),
            _ => {}
        }
        Ok(answer)
    }

    fn query(&mut self, text: &str, packet: &[u8]) -> Result<Vec<u8>> {
        if let Some(asked) = text.strip_prefix("qSupported") {
            let asked = without(asked, &OTHER_WAYS);
            let answer = self.stub.exchange(format!("qSupported{asked}").as_bytes())?;
            return Ok(without(&String::from_utf8_lossy(&answer), &OTHER_WAYS).into_bytes());
        }
        if text == "qfThreadInfo" {
            let threads: Vec<_> = self.threads()?.iter().map(|thread| format!("{thread:x}")).collect();
            return Ok(format!("m{}", threads.join(",")).into_bytes());
        }
        if text == "qsThreadInfo" {
            return Ok(b"l".to_vec());
        }
        if text == "qC" {
            return Ok(format!("QC{:x}", self.now()?).into_bytes());
        }
        if let Some(thread) = text.strip_prefix("qThreadExtraInfo,") {
            let Some(thread) = number(thread) else { return Ok(WRONG.to_vec()) };
            return Ok(hex(self.label(thread)?.as_bytes()));
        }
        // LLDB takes names from there.
        if let Some(thread) = text.strip_prefix("qThreadStopInfo") {
            let Some(thread) = number(thread) else { return Ok(WRONG.to_vec()) };
            let signal = if thread == self.now()? { "05" } else { "00" };
            let name = String::from_utf8_lossy(&hex(self.label(thread)?.as_bytes())).into_owned();
            return Ok(format!("T{signal}thread:{thread:x};hexname:{name};").into_bytes());
        }
        let mut answer = self.stub.exchange(packet)?;
        // What a monitor prints comes before its answer.
        while text.starts_with("qRcmd") && is_output(&answer) {
            self.debugger.send(&answer)?;
            answer = self.stub.next_packet()?;
        }
        Ok(answer)
    }

    /// `Hg` and `Hc`: the thread for registers, and for steps.
    fn choose(&mut self, what: u8, thread: &str) -> Vec<u8> {
        let chosen = match thread {
            "0" | "-1" => None,
            thread => match number(thread) {
                Some(thread) => Some(thread),
                None => return WRONG.to_vec(),
            },
        };
        match what {
            b'g' => self.general = chosen,
            b'c' => self.stepping = chosen,
            _ => {}
        }
        b"OK".to_vec()
    }

    /// The threads, the one that runs first.
    fn threads(&mut self) -> Result<Vec<u64>> {
        let now = self.now()?;
        let others = self.greenlets()?.every.iter().filter(|greenlet| greenlet.has_frames()).map(thread_of);
        Ok([now].into_iter().chain(others.filter(|&thread| thread != now)).collect())
    }

    /// The thread that runs on the core that stopped.
    pub(super) fn now(&mut self) -> Result<u64> {
        if self.here.is_none() {
            let core = self.core;
            self.here = self.greenlets()?.running(core).cloned();
        }
        if let Some(greenlet) = &self.here {
            return Ok(thread_of(greenlet));
        }
        let core = self.core as u64;
        Ok(if self.greenlets()?.every.is_empty() { core + 1 } else { PROCESSOR + core })
    }

    pub(super) fn greenlets(&mut self) -> Result<&Greenlets> {
        if self.seen.is_none() {
            let seen = self.program.greenlets(&mut self.stub)?;
            if self.program.cores() > 1 {
                self.stub.select(self.core)?;
            }
            self.seen = Some(seen);
        }
        Ok(self.seen.get_or_insert_default())
    }

    /// The greenlet that is a thread.
    pub(super) fn greenlet(&mut self, thread: u64) -> Result<Option<Greenlet>> {
        let Some(id) = thread.checked_sub(1) else { return Ok(None) };
        Ok(self.greenlets()?.with_id(id).filter(|greenlet| greenlet.has_frames()).cloned())
    }

    /// A register of the processor.
    pub(super) fn register(&mut self, number: usize) -> Result<u64> {
        self.program.register(&mut self.stub, number)
    }

    /// What a task of a hub waits for. Where that is overwritten it is no task.
    fn waits(&mut self, greenlet: &Greenlet) -> Result<Option<String>> {
        if greenlet.state != State::Suspended {
            return Ok(None);
        }
        self.greenlets()?;
        let tasks = match self.tasks.take() {
            Some((core, tasks)) if core == greenlet.core => tasks,
            _ => self.program.tasks(&mut self.stub, greenlet.core).unwrap_or_default(),
        };
        let every = self.seen.as_ref().map_or(&[][..], |seen| &seen.every);
        let waits = self.program.waits(&mut self.stub, &tasks, greenlet, every).unwrap_or_default();
        self.tasks = Some((greenlet.core, tasks));
        Ok(waits)
    }

    /// Forgets what may have changed.
    pub(super) fn forget(&mut self) {
        self.here = None;
        self.seen = None;
        self.tasks = None;
    }

    /// What is said of a thread.
    fn label(&mut self, thread: u64) -> Result<String> {
        let here = self.here.clone().filter(|here| thread_of(here) == thread);
        let greenlet = if here.is_some() { here } else { self.greenlet(thread)? };
        let said = match greenlet {
            Some(greenlet) => self.label_of(&greenlet)?,
            None => "no greenlet".to_owned(),
        };
        let is_now = thread == self.now()?;
        let damage = self.greenlets()?.damage.as_ref().filter(|_| is_now);
        Ok(damage.map_or(said.clone(), |damage| format!("{said}; {damage}")))
    }

    fn label_of(&mut self, greenlet: &Greenlet) -> Result<String> {
        let sp = match greenlet.state {
            State::Running if greenlet.core == self.core => self.register(self.program.isa.sp)?,
            _ => greenlet.sp,
        };
        let waits = self.waits(greenlet)?;
        Ok(format!("{}: {}", greenlet.title(), greenlet.remarks(sp, waits.as_deref())))
    }

    /// A stop reply, with the greenlet that runs.
    pub(super) fn stopped(&mut self, reply: &[u8]) -> Result<Vec<u8>> {
        let text = String::from_utf8_lossy(reply).into_owned();
        let (Some(b'T' | b'S'), Some(signal)) = (reply.first(), text.get(1..3)) else { return Ok(reply.to_vec()) };
        let fields: Vec<_> = text.get(3..).unwrap_or("").split(';').filter(|field| !field.is_empty()).collect();
        let core = fields.iter().find_map(|field| number(field.strip_prefix("thread:")?));
        if self.program.cores() > 1 {
            self.core = core.map_or(0, |core| usize::try_from(core).unwrap_or(1).saturating_sub(1));
        }
        // GDB takes the thread of a stop for chosen.
        self.general = None;
        let now = self.now()?;
        let name = String::from_utf8_lossy(&hex(self.label(now)?.as_bytes())).into_owned();
        let mut said = format!("T{signal}thread:{now:x};hexname:{name};");
        for field in fields.iter().filter(|field| !field.starts_with("thread:")) {
            let _infallible = write!(said, "{field};");
        }
        Ok(said.into_bytes())
    }
}

/// The thread that a greenlet is: 0 has another meaning.
pub(super) fn thread_of(greenlet: &Greenlet) -> u64 {
    greenlet.id + 1
}
