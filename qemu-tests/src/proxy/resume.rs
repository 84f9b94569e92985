//! The machine runs, until it stops: a step stays in its greenlet.

use std::time::Duration;

use anyhow::Result;

use super::debugger::Come;
use super::packet::{has_ended, is_output};
use super::session::{Session, thread_of};
use crate::greenlets::{Greenlet, State};

/// How often a debugger is asked whether it interrupts.
const LOOK: Duration = Duration::from_millis(20);

impl Session<'_> {
    /// `c`, `s`, `C`, `S`: the stop reply.
    pub(super) fn resume(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        let steps = matches!(packet.first(), Some(b's' | b'S'));
        let before = if steps { self.stepper()? } else { None };
        let reply = match &before {
            // It cannot step: the others run until it goes on.
            Some(greenlet) if greenlet.state == State::Suspended => self.run_until_goes_on(greenlet)?,
            Some(greenlet) => {
                let reply = self.step(packet)?;
                if has_ended(&reply) { reply } else { self.follow(greenlet, reply)? }
            }
            None => {
                self.forget();
                self.run(packet)?
            }
        };
        self.stopped(&reply)
    }

    /// The greenlet that is to step, if there is one.
    fn stepper(&mut self) -> Result<Option<Greenlet>> {
        let now = self.now()?;
        match self.stepping.filter(|&thread| thread != now) {
            Some(thread) => match self.greenlet(thread)? {
                Some(greenlet) if greenlet.state == State::Suspended => Ok(Some(greenlet)),
                _ => Ok(self.here.clone()),
            },
            None => Ok(self.here.clone()),
        }
    }

    /// A step, and one more where the debugger would take the first for a call.
    fn step(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        let isa = self.program.isa;
        let Some(pushes) = isa.pushes_flags else { return self.run(packet) };
        let pc = self.register(isa.pc)?;
        let is_push = self.stub.memory(pc, 1).is_ok_and(|code| code == [pushes]);
        let reply = self.run(packet)?;
        let is_behind = is_push && !has_ended(&reply) && self.register(isa.pc)? == pc + 1;
        if is_behind && !self.breakpoints.contains(&(pc + 1)) { self.run(b"s") } else { Ok(reply) }
    }

    /// After a step of `before`: if that went into another greenlet, runs until `before` goes on, or anything else
    /// stops the machine.
    fn follow(&mut self, before: &Greenlet, reply: Vec<u8>) -> Result<Vec<u8>> {
        let stays = if before.is_main {
            // `current` changes before the stack does.
            self.program.current(&mut self.stub, before.core)? == before.address
        } else {
            before.has(self.register(self.program.isa.sp)?)
        };
        self.forget();
        if stays {
            self.here = Some(before.clone());
            return Ok(reply);
        }
        if self.now()? == thread_of(before) {
            return Ok(reply);
        }
        match self.greenlet(thread_of(before))? {
            Some(left) if left.state == State::Suspended => self.run_until_goes_on(&left),
            // It has ended: this is its parent.
            _ => Ok(reply),
        }
    }

    /// Lets the machine run until a suspended greenlet goes on, or anything else stops it.
    fn run_until_goes_on(&mut self, greenlet: &Greenlet) -> Result<Vec<u8>> {
        // One that the debugger has there may be hit by any greenlet, and is then to be reported.
        let is_ours = !self.breakpoints.contains(&greenlet.pc);
        loop {
            if is_ours {
                self.stub.stop_at(greenlet.pc)?;
            }
            let reply = self.run(b"c")?;
            if has_ended(&reply) {
                return Ok(reply);
            }
            if is_ours {
                self.stub.stop_no_more_at(greenlet.pc)?;
            }
            self.forget();
            let is_there = self.register(self.program.isa.pc)? == greenlet.pc;
            if !is_ours || !is_there || is_interrupt(&reply) || self.now()? == thread_of(greenlet) {
                return Ok(reply);
            }
            // Another greenlet that switches at the same place.
            let reply = self.run(b"s")?;
            self.forget();
            if has_ended(&reply) || is_interrupt(&reply) {
                return Ok(reply);
            }
        }
    }

    /// Resumes the machine, and returns what it says when it stops. The debugger may interrupt it.
    fn run(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        self.stub.send(packet)?;
        loop {
            match self.stub.receive(LOOK) {
                Ok(Some(output)) if is_output(&output) => self.debugger.send(&output)?,
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                // QEMU that ends may not say so before.
                Err(_) => return Ok(b"W00".to_vec()),
            }
            if self.debugger.at_once()? == Some(Come::Interrupt) {
                self.stub.ask_to_stop()?;
            }
        }
    }
}

/// Whether the machine stopped because the debugger interrupted it: with SIGINT.
fn is_interrupt(reply: &[u8]) -> bool {
    reply.get(1..3) == Some(b"02")
}
